"""Custom resources and Secrets as a team would write them, as dictionaries."""

import secrets
from typing import Any

API = "scim-operator.io/v1alpha1"

Object = dict[str, Any]


def new_token() -> str:
    return secrets.token_urlsafe(32)


def secret(namespace: str, name: str, *, watched: bool = True, **values: str) -> Object:
    """`values` by key."""
    labels = {"scim-operator.io/watch": "true"} if watched else {}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"namespace": namespace, "name": name, "labels": labels},
        "stringData": values,
    }


def token_secret(namespace: str, name: str, token: str, *, watched: bool = True) -> Object:
    return secret(namespace, name, watched=watched, token=token)


def credential(name: str, secret: str, access: str = "Provision") -> Object:
    return {"name": name, "secretRef": {"name": secret, "key": "token"}, "access": access}


def provisioning_config(namespace: str, name: str = "okta", **spec: Any) -> Object:
    defaults = {
        "displayName": "Acme",
        "provider": "Okta",
        "authentication": {
            "bearerTokens": [credential("provider", f"{name}-scim"), credential("reader", f"{name}-read", "Read")]
        },
        "roles": [
            {"name": "admin", "displayName": "Administrator", "permissions": ["users:write", "alerts:write"]},
            {"name": "analyst", "permissions": ["alerts:read"]},
            {"name": "auditor", "permissions": ["logs:read"]},
            {"name": "viewer"},
            {"name": "guest"},
        ],
        "baseRoles": ["viewer"],
        "fallbackRoles": ["guest"],
    }
    return {
        "apiVersion": API,
        "kind": "ProvisioningConfig",
        "metadata": {"namespace": namespace, "name": name},
        "spec": {**defaults, **spec},
    }


def rule(name: str, group: str, *roles: str) -> Object:
    return {"name": name, "groups": [{"displayName": group}], "roles": list(roles)}


def role_mapping(namespace: str, name: str, *rules: Object, config: Object | None = None) -> Object:
    return {
        "apiVersion": API,
        "kind": "RoleMapping",
        "metadata": {"namespace": namespace, "name": name},
        "spec": {"configRef": config or {"name": "okta"}, "rules": list(rules)},
    }


def attribute_mapping(namespace: str, name: str, *attributes: Object, config: Object | None = None) -> Object:
    return {
        "apiVersion": API,
        "kind": "AttributeMapping",
        "metadata": {"namespace": namespace, "name": name},
        "spec": {"configRef": config or {"name": "okta"}, "attributes": list(attributes)},
    }
