"""Custom resources as the Kubernetes API returns them, short to write."""

from typing import Any

from scim_operator.api import AttributeMapping, ProvisioningConfig, RoleMapping

JsonObject = dict[str, Any]

CREATED = "2026-11-01T10:00:00Z"


def metadata(name: str, namespace: str = "acme", **more: Any) -> JsonObject:
    return {"name": name, "namespace": namespace, "creationTimestamp": CREATED, **more}


def config_object(name: str = "okta", namespace: str = "acme", **spec: Any) -> JsonObject:
    """With the roles admin, analyst and viewer, and the token of Secret okta-scim, unless said otherwise."""
    defaults = {
        "authentication": {"bearerTokens": [{"name": "okta", "secretRef": {"name": "okta-scim", "key": "token"}}]},
        "roles": [{"name": name} for name in ("admin", "analyst", "viewer")],
    }
    return {"metadata": metadata(name, namespace), "spec": defaults | spec}


def config(name: str = "okta", namespace: str = "acme", **spec: Any) -> ProvisioningConfig:
    return ProvisioningConfig.from_object(config_object(name, namespace, **spec))


def rule(name: str, group: str | JsonObject, *roles: str) -> JsonObject:
    return {
        "name": name,
        "groups": [{"displayName": group} if isinstance(group, str) else group],
        "roles": list(roles),
    }


def role_mapping(
    name: str, *rules: JsonObject, namespace: str = "acme", ref: JsonObject | None = None, **meta: Any
) -> RoleMapping:
    return RoleMapping.from_object(
        {
            "metadata": metadata(name, namespace, **meta),
            "spec": {"configRef": ref or {"name": "okta", "namespace": "acme"}, "rules": list(rules)},
        }
    )


def attribute_mapping(
    name: str, *attributes: JsonObject, namespace: str = "acme", ref: JsonObject | None = None, **meta: Any
) -> AttributeMapping:
    return AttributeMapping.from_object(
        {
            "metadata": metadata(name, namespace, **meta),
            "spec": {"configRef": ref or {"name": "okta", "namespace": "acme"}, "attributes": list(attributes)},
        }
    )
