"""The CustomResourceDefinitions on a real API server, and the checker of manifests beside it.

`scim-operator validate` claims to say what the API server would: each object of the tables goes to both.
"""

import copy
import json
import re
import time
import uuid
from pathlib import Path
from typing import Any

import pytest

from scim_operator.api import AttributeMapping, ProvisioningConfig, RoleMapping
from scim_operator.manifests import SourceFile, crd_directory, read_manifests
from tests.control_plane.cluster import ControlPlane
from tests.control_plane.kubectl import KubectlError
from tests.examples.folders import CONNECTIONS, name_of

API_VERSION = "scim-operator.io/v1alpha1"

JsonObject = dict[str, Any]

SPECS: dict[str, JsonObject] = {
    "ProvisioningConfig": {
        "displayName": "Acme workforce",
        "provider": "Okta",
        "mode": "Observe",
        "suspend": False,
        "authentication": {
            "bearerTokens": [
                {
                    "name": "2026-11",
                    "secretRef": {"name": "okta-scim", "key": "token"},
                    "expiresAt": "2027-05-01T00:00:00Z",
                    "access": "Provision",
                    "userName": "sync@acme.com",
                },
                {"name": "apps", "secretRef": {"name": "okta-scim", "key": "read"}, "access": "Read"},
            ],
            "basic": [
                {
                    "name": "onelogin",
                    "secretRef": {"name": "onelogin", "usernameKey": "user", "passwordKey": "pass"},
                    "expiresAt": "2027-05-01T00:00:00Z",
                    "access": "Provision",
                }
            ],
            "jwt": [
                {
                    "name": "entra",
                    "issuer": "https://sts.windows.net/0f0f/",
                    "audiences": ["8adf8e6e-67b2-4cf2-a259-e3dc5476c621", "api://app"],
                    "jwksURL": "https://login.microsoftonline.com/0f0f/discovery/keys?p=1",
                    "algorithms": ["RS256", "EdDSA"],
                    "subject": "sync",
                    "requiredClaims": {"appid": "00000014-0000-0000-c000-000000000000"},
                    "access": "Read",
                    "userNameClaim": "preferred_username",
                },
                {"name": "own", "issuer": "own", "audiences": ["scim"], "jwksSecretRef": {"name": "s", "key": "k"}},
            ],
            "oauthClients": [
                {"name": "ping", "clientId": "ping one", "secretRef": {"name": "s", "key": "k"}, "access": "Read"},
                {"name": "by-keys", "clientId": "b", "jwksSecretRef": {"name": "s"}},
                {"name": "by-url", "clientId": "c", "jwksURL": "http://127.0.0.1:8443/keys"},
            ],
        },
        "roles": [
            {
                "name": "admin",
                "displayName": "Administrator",
                "permissions": ["users:write", "alerts:write"],
                "sensitive": True,
            },
            {"name": "viewer"},
        ],
        "baseRoles": ["viewer"],
        "fallbackRoles": ["viewer"],
        "providerRoles": "Accept",
        "deprovisioning": {"deactivationDelay": "1h30m", "onDelete": "Erase", "retention": "720h"},
        "safety": {
            "protectedUsers": [{"userName": "breakglass@acme.com"}, {"externalId": "00u1"}, {"id": "42"}],
            "maxDeactivations": {"percent": 10, "count": 25, "per": "1h"},
            "maxRoleChanges": {"percent": 20, "count": 50},
            "holdFor": "4h",
            "onHoldExpiry": "Discard",
            "decisions": [{"hold": "h-1", "decision": "Apply"}],
        },
        "delivery": {
            "webhooks": [
                {
                    "name": "crm",
                    "url": "https://crm.acme.com/hooks?x=1",
                    "secretRef": {"name": "crm", "key": "signing"},
                    "events": ["user.*", "provisioning.held"],
                    "format": "CloudEvents",
                },
                {"name": "all", "url": "http://crm.apps.svc:8080/", "secretRef": {"name": "crm"}},
            ]
        },
        "debug": {"captureUntil": "2027-05-01T00:00:00Z"},
        "onDeletion": "Erase",
        "allowedNamespaces": {
            "from": "Selector",
            "selector": {
                "matchLabels": {"tier": "gold"},
                "matchExpressions": [
                    {"key": "region", "operator": "In", "values": ["eu", "us"]},
                    {"key": "test", "operator": "DoesNotExist"},
                ],
            },
        },
    },
    "RoleMapping": {
        "configRef": {"name": "okta", "namespace": "acme"},
        "mode": "Preview",
        "rules": [
            {"name": "a", "groups": [{"externalId": "00g1"}, {"displayName": "Admins"}], "roles": ["admin"]},
            {
                "name": "b",
                "groups": [{"displayNamePattern": "(?i)on-call .+"}, {"id": "42"}],
                "when": 'user.userType == "Employee"',
                "roles": ["viewer", "admin"],
                "notBefore": "2027-05-01T00:00:00Z",
                "notAfter": "2027-05-01T03:00:00+01:00",
            },
            {"name": "c", "when": "user.active", "roles": ["viewer"]},
        ],
    },
    "AttributeMapping": {
        "configRef": {"name": "okta"},
        "schemas": [
            {
                "id": "urn:acme:scim:schemas:extension:app:2.0:User",
                "name": "App",
                "description": "What the app knows",
                "resourceType": "User",
                "attributes": [
                    {"name": "orgName", "type": "string", "caseExact": True, "required": False, "description": "x"},
                    {
                        "name": "desks",
                        "type": "complex",
                        "multiValued": True,
                        "subAttributes": [{"name": "value"}, {"name": "floor", "type": "integer"}],
                    },
                ],
            }
        ],
        "attributes": [
            {"target": "team", "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department"},
            {"target": "mail", "path": 'emails[type eq "work"].value', "default": ""},
            {"target": "organization", "default": "Acme"},
            {"target": "full", "expression": "user.displayName", "update": "OnCreate", "onMissing": "Reject"},
            {
                "target": "region",
                "fromGroups": [
                    {"group": {"displayName": "EMEA"}, "value": "Europe"},
                    {"group": {"displayNamePattern": "A.*"}, "value": ""},
                    {"group": {"externalId": "00g1"}, "value": "x"},
                    {"group": {"id": "42"}, "value": "y"},
                ],
                "default": "elsewhere",
            },
        ],
    },
}
"""A valid spec of each kind, with every field in use."""

TOKENS = "authentication.bearerTokens"
JWT = "authentication.jwt"
CLIENTS = "authentication.oauthClients"
PROTECTED = "safety.protectedUsers"
WEBHOOKS = "delivery.webhooks"
DISCARD = {"hold": "h-1", "decision": "Discard"}
EMEA = {"group": {"displayName": "EMEA"}, "value": "Europe"}
MISSING = object()

COLUMNS = ["NAME", "READY", "REASON", "HELD", "PROVIDER", "MAPPINGS", "USERS", "LAST SYNC", "URL", "AGE"]

# (kind, field to change, its value or MISSING, whether it is valid then, what the API server says)
CHANGES: list[tuple[str, str, Any, bool, str]] = [
    ("ProvisioningConfig", "mode", "Watch", False, "spec.mode: Unsupported value"),
    ("ProvisioningConfig", "roles.0.sensitive", "yes", False, "spec.roles[0].sensitive"),
    ("ProvisioningConfig", "roles.0.shoeSize", 43, False, 'unknown field "spec.roles[0].shoeSize"'),
    ("ProvisioningConfig", "providerRoles", "Take", False, "Unsupported value"),
    ("ProvisioningConfig", "deprovisioning.onDelete", "Keep", False, "Unsupported value"),
    ("ProvisioningConfig", "safety", MISSING, True, ""),
    ("ProvisioningConfig", "safety", {}, True, ""),
    ("ProvisioningConfig", f"{PROTECTED}.0", {}, False, "exactly one of userName, externalId and id is expected"),
    ("ProvisioningConfig", f"{PROTECTED}.0.id", "1", False, "exactly one of userName, externalId and id is expected"),
    ("ProvisioningConfig", "safety.maxDeactivations", {}, True, ""),
    ("ProvisioningConfig", "safety.maxDeactivations.percent", 101, False, "safety.maxDeactivations.percent"),
    ("ProvisioningConfig", "safety.maxDeactivations.percent", -1, False, "safety.maxDeactivations.percent"),
    ("ProvisioningConfig", "safety.maxDeactivations.count", 2147483648, False, "safety.maxDeactivations.count"),
    ("ProvisioningConfig", "safety.maxDeactivations.per", "0s", False, "a duration from 1s to 8760h"),
    ("ProvisioningConfig", "safety.maxRoleChanges.percent", "20%", False, "safety.maxRoleChanges.percent"),
    ("ProvisioningConfig", "safety.maxRoleChanges.per", "1h", False, "unknown field"),
    ("ProvisioningConfig", "safety.holdFor", "8761h", False, "a duration from 1s to 8760h"),
    ("ProvisioningConfig", "safety.holdFor", "4 h", False, "spec.safety.holdFor"),
    ("ProvisioningConfig", "safety.onHoldExpiry", "Keep", False, "Unsupported value"),
    ("ProvisioningConfig", "safety.decisions.0.decision", "Release", False, "Unsupported value"),
    ("ProvisioningConfig", "safety.decisions.0.hold", MISSING, False, "hold: Required value"),
    ("ProvisioningConfig", "safety.decisions", [DISCARD, DISCARD], False, "Duplicate value"),
    ("ProvisioningConfig", "delivery", {}, True, ""),
    ("ProvisioningConfig", f"{WEBHOOKS}.1.name", "crm", False, "Duplicate value"),
    ("ProvisioningConfig", f"{WEBHOOKS}.0.secretRef", MISSING, False, "secretRef: Required value"),
    ("ProvisioningConfig", f"{WEBHOOKS}.0.secretRef.name", "a/b", False, "secretRef.name"),
    ("ProvisioningConfig", f"{WEBHOOKS}.0.url", "http://crm.acme.com/", False, "https://HOST/PATH is expected"),
    ("ProvisioningConfig", f"{WEBHOOKS}.0.url", "https://u:p@crm.acme.com/", False, "https://HOST/PATH is expected"),
    ("ProvisioningConfig", f"{WEBHOOKS}.0.url", "http://crm.apps.svc.evil.example", False, "https://HOST/PATH"),
    ("ProvisioningConfig", f"{WEBHOOKS}.0.url", "http://crm.apps.svcs/", False, "https://HOST/PATH is expected"),
    ("ProvisioningConfig", f"{WEBHOOKS}.0.url", "http://127.0.0.1:9000/", True, ""),
    ("ProvisioningConfig", f"{WEBHOOKS}.0.events", ["user.create"], False, "Unsupported value"),
    ("ProvisioningConfig", f"{WEBHOOKS}.0.events", [], False, f"spec.{WEBHOOKS}[0].events"),
    ("ProvisioningConfig", f"{WEBHOOKS}.0.events", ["*", "*"], False, "Duplicate value"),
    ("ProvisioningConfig", f"{WEBHOOKS}.0.format", "JSON", False, "Unsupported value"),
    ("ProvisioningConfig", "debug", {}, True, ""),
    ("ProvisioningConfig", "debug.captureUntil", "1h", False, "date-time"),
    ("ProvisioningConfig", "displayName", MISSING, True, ""),
    ("ProvisioningConfig", "displayName", None, True, ""),
    ("ProvisioningConfig", "displayName", 5, False, "spec.displayName"),
    ("ProvisioningConfig", "displayName", "é" * 256, True, ""),
    ("ProvisioningConfig", "displayName", "é" * 257, False, "Too long"),
    ("ProvisioningConfig", "provider", "Octa", False, "spec.provider: Unsupported value"),
    ("ProvisioningConfig", "provider", None, True, ""),
    ("ProvisioningConfig", "suspend", "yes", False, "spec.suspend"),
    ("ProvisioningConfig", "authentication", MISSING, False, "spec.authentication: Required value"),
    ("ProvisioningConfig", "authentication", {}, False, "at least one credential is needed"),
    ("ProvisioningConfig", "authentication", {"basic": [], "jwt": []}, False, "at least one credential is needed"),
    ("ProvisioningConfig", TOKENS, [], True, ""),
    ("ProvisioningConfig", TOKENS, MISSING, True, ""),
    ("ProvisioningConfig", f"{TOKENS}.0.name", "onelogin", False, "names of all credentials together must be unique"),
    ("ProvisioningConfig", f"{CLIENTS}.0.name", "entra", False, "names of all credentials together must be unique"),
    ("ProvisioningConfig", "authentication.basic.0.secretRef", {"name": "s"}, True, ""),
    ("ProvisioningConfig", "authentication.basic.0.secretRef.key", "k", False, "unknown field"),
    ("ProvisioningConfig", "authentication.basic.0.secretRef", MISSING, False, "secretRef: Required value"),
    ("ProvisioningConfig", f"{JWT}.0.issuer", MISSING, False, "issuer: Required value"),
    ("ProvisioningConfig", f"{JWT}.0.audiences", MISSING, False, "audiences: Required value"),
    ("ProvisioningConfig", f"{JWT}.0.audiences", [], False, "spec.authentication.jwt[0].audiences"),
    ("ProvisioningConfig", f"{JWT}.0.audiences", ["a", "a"], False, "Duplicate value"),
    ("ProvisioningConfig", f"{JWT}.0.algorithms", ["none"], False, "Unsupported value"),
    ("ProvisioningConfig", f"{JWT}.0.algorithms", ["HS256"], False, "Unsupported value"),
    ("ProvisioningConfig", f"{JWT}.0.algorithms", [], False, "spec.authentication.jwt[0].algorithms"),
    ("ProvisioningConfig", f"{JWT}.0.algorithms", MISSING, True, ""),
    ("ProvisioningConfig", f"{JWT}.0.requiredClaims", {"": "x"}, False, "a claim's name has 1 to 256 characters"),
    ("ProvisioningConfig", f"{JWT}.0.requiredClaims", {"n" * 257: "x"}, False, "1 to 256 characters"),
    ("ProvisioningConfig", f"{JWT}.0.requiredClaims", {"n": 1}, False, "spec.authentication.jwt[0].requiredClaims.n"),
    ("ProvisioningConfig", f"{JWT}.0.jwksURL", MISSING, False, "exactly one of jwksURL and jwksSecretRef"),
    (
        "ProvisioningConfig",
        f"{JWT}.0.jwksSecretRef",
        {"name": "s"},
        False,
        "exactly one of jwksURL and jwksSecretRef",
    ),
    ("ProvisioningConfig", f"{JWT}.0.jwksURL", "http://idp.example/keys", False, "https://HOST/PATH is expected"),
    ("ProvisioningConfig", f"{JWT}.0.jwksURL", "https://u:p@idp.example/", False, "https://HOST/PATH is expected"),
    ("ProvisioningConfig", f"{JWT}.0.jwksURL", "https://idp.example/#k", False, "https://HOST/PATH is expected"),
    ("ProvisioningConfig", f"{JWT}.0.jwksURL", "https://[2001:db8::1]:8443?k", True, ""),
    ("ProvisioningConfig", f"{JWT}.0.jwksURL", "http://[::1]/keys", True, ""),
    ("ProvisioningConfig", f"{CLIENTS}.0.clientId", MISSING, False, "clientId: Required value"),
    ("ProvisioningConfig", f"{CLIENTS}.0.clientId", "b", False, "each clientId may appear once"),
    ("ProvisioningConfig", f"{CLIENTS}.0.clientId", "ü", False, "spec.authentication.oauthClients[0].clientId"),
    ("ProvisioningConfig", f"{CLIENTS}.0.secretRef", MISSING, False, "exactly one of secretRef, jwksSecretRef and"),
    ("ProvisioningConfig", f"{CLIENTS}.1.secretRef", {"name": "s"}, False, "exactly one of secretRef, jwksSecretRef"),
    ("ProvisioningConfig", f"{CLIENTS}.2.jwksURL", "http://10.0.0.1/k", False, "https://HOST/PATH is expected"),
    ("ProvisioningConfig", TOKENS, [None], False, "spec.authentication.bearerTokens[0]"),
    ("ProvisioningConfig", f"{TOKENS}.1.name", "2026-11", False, "Duplicate value"),
    ("ProvisioningConfig", f"{TOKENS}.0.name", "", False, "spec.authentication.bearerTokens[0].name"),
    ("ProvisioningConfig", f"{TOKENS}.0.name", "a/b", False, "spec.authentication.bearerTokens[0].name"),
    ("ProvisioningConfig", f"{TOKENS}.0.secretRef", MISSING, False, "secretRef: Required value"),
    ("ProvisioningConfig", f"{TOKENS}.0.secretRef.namespace", "other", False, "unknown field"),
    ("ProvisioningConfig", f"{TOKENS}.0.secretRef.name", "../../other/secrets/s", False, "secretRef.name"),
    ("ProvisioningConfig", "authentication.basic.0.secretRef.name", "..", False, "secretRef.name"),
    ("ProvisioningConfig", f"{CLIENTS}.0.secretRef.name", "a/b", False, "secretRef.name"),
    ("ProvisioningConfig", f"{CLIENTS}.1.jwksSecretRef.name", "A", False, "jwksSecretRef.name"),
    ("ProvisioningConfig", f"{TOKENS}.0.secretRef.name", "a.b-c.0", True, ""),
    ("ProvisioningConfig", f"{TOKENS}.0.secretRef.key", None, True, ""),
    ("ProvisioningConfig", f"{TOKENS}.0.expiresAt", "tomorrow", False, "date-time"),
    ("ProvisioningConfig", f"{TOKENS}.0.expiresAt", "2027-05-01", False, "date-time"),
    ("ProvisioningConfig", f"{TOKENS}.0.expiresAt", "2027-05-01 00:00:00Z", False, "date-time"),
    ("ProvisioningConfig", f"{TOKENS}.0.expiresAt", "2027-02-30T00:00:00Z", False, "date-time"),
    ("ProvisioningConfig", f"{TOKENS}.0.expiresAt", "2027-05-01T00:00:00", False, "date-time"),
    ("ProvisioningConfig", f"{TOKENS}.0.expiresAt", "2027-05-01T24:00:00Z", False, "date-time"),
    ("ProvisioningConfig", f"{TOKENS}.0.expiresAt", "2027-05-01t00:00:00.123z", True, ""),
    ("ProvisioningConfig", f"{TOKENS}.0.expiresAt", "2027-05-01T00:00:00+02:00", True, ""),
    ("ProvisioningConfig", f"{TOKENS}.0.access", "Write", False, "Unsupported value"),
    ("ProvisioningConfig", f"{TOKENS}.0.access", "Self", True, ""),
    ("ProvisioningConfig", f"{TOKENS}.1.access", "Self", False, "access Self needs userName"),
    ("ProvisioningConfig", f"{TOKENS}.0.userName", "", False, "userName"),
    ("ProvisioningConfig", f"{TOKENS}.0.userName", "x" * 513, False, "userName"),
    ("ProvisioningConfig", "authentication.basic.0.access", "Self", False, "access Self needs userName"),
    ("ProvisioningConfig", "authentication.jwt.0.access", "Self", True, ""),
    ("ProvisioningConfig", "authentication.jwt.1.access", "Self", False, "access Self needs userNameClaim"),
    ("ProvisioningConfig", f"{CLIENTS}.1.access", "Self", False, "access Self needs userName"),
    ("ProvisioningConfig", "roles.1.name", "admin", False, "Duplicate value"),
    ("ProvisioningConfig", "roles.0.permissions", ["a", "a"], False, "Duplicate value"),
    ("ProvisioningConfig", "roles", MISSING, False, 'role "viewer" is not in the catalogue'),
    ("ProvisioningConfig", "baseRoles", ["viewer", "ghost"], False, 'role "ghost" is not in the catalogue'),
    ("ProvisioningConfig", "fallbackRoles", ["ghost"], False, 'role "ghost" is not in the catalogue'),
    ("ProvisioningConfig", "baseRoles", ["viewer", "viewer"], False, "Duplicate value"),
    ("ProvisioningConfig", "baseRoles", [], True, ""),
    ("ProvisioningConfig", "deprovisioning.deactivationDelay", "0s", True, ""),
    ("ProvisioningConfig", "deprovisioning.deactivationDelay", "8760h", True, ""),
    ("ProvisioningConfig", "deprovisioning.deactivationDelay", "8760h1s", False, "at most 8760h"),
    ("ProvisioningConfig", "deprovisioning.deactivationDelay", "1d", False, "deactivationDelay"),
    ("ProvisioningConfig", "deprovisioning.deactivationDelay", "", False, "deactivationDelay"),
    ("ProvisioningConfig", "deprovisioning.deactivationDelay", "15", False, "deactivationDelay"),
    ("ProvisioningConfig", "deprovisioning.deactivationDelay", 900, False, "deactivationDelay"),
    ("ProvisioningConfig", "deprovisioning", None, True, ""),
    ("ProvisioningConfig", "deprovisioning.retention", "0s", True, ""),
    ("ProvisioningConfig", "deprovisioning.retention", "8760h1s", False, "at most 8760h"),
    ("ProvisioningConfig", "deprovisioning.retention", "90d", False, "retention"),
    ("ProvisioningConfig", "onDeletion", "Keep", False, "Unsupported value"),
    ("ProvisioningConfig", "allowedNamespaces.from", "Same", False, "selector is expected with from: Selector"),
    ("ProvisioningConfig", "allowedNamespaces.from", "Some", False, "Unsupported value"),
    ("ProvisioningConfig", "allowedNamespaces.selector", MISSING, False, "selector is expected with from: Selector"),
    ("ProvisioningConfig", "allowedNamespaces.selector", {}, True, ""),
    ("ProvisioningConfig", "allowedNamespaces", {}, True, ""),
    (
        "ProvisioningConfig",
        "allowedNamespaces.selector.matchExpressions.0.values",
        [],
        False,
        "values are expected with In and NotIn",
    ),
    (
        "ProvisioningConfig",
        "allowedNamespaces.selector.matchExpressions.1.values",
        ["x"],
        False,
        "values are expected with In and NotIn",
    ),
    ("ProvisioningConfig", "allowedNamespaces.selector.matchLabels.tier", 1, False, "matchLabels"),
    ("RoleMapping", "when", "true", False, "unknown field"),
    ("RoleMapping", "mode", "Observe", False, "Unsupported value"),
    ("RoleMapping", "mode", MISSING, True, ""),
    ("RoleMapping", "rules.0.groups", MISSING, False, "groups, when or both are expected"),
    ("RoleMapping", "rules.2.when", MISSING, False, "groups, when or both are expected"),
    ("RoleMapping", "rules.2.when", "", False, "spec.rules[2].when"),
    ("RoleMapping", "rules.2.when", "x" * 2049, False, "spec.rules[2].when"),
    ("RoleMapping", "rules.1.notBefore", "2027-05-01T02:00:00Z", False, "a time after notBefore is expected"),
    ("RoleMapping", "rules.1.notBefore", "2027-05-01T04:00:00+02:00", False, "a time after notBefore is expected"),
    ("RoleMapping", "rules.1.notBefore", "2027-05-01T01:59:59.5Z", True, ""),
    ("RoleMapping", "rules.1.notBefore", "2027-05-01t01:59:59z", False, "spec.rules[1].notBefore"),
    ("RoleMapping", "rules.1.notAfter", "tomorrow", False, "date-time"),
    ("RoleMapping", "rules.1.notAfter", MISSING, True, ""),
    ("RoleMapping", "configRef", MISSING, False, "spec.configRef: Required value"),
    ("RoleMapping", "configRef.name", MISSING, False, "spec.configRef.name: Required value"),
    ("RoleMapping", "configRef.name", "", False, "spec.configRef.name"),
    ("RoleMapping", "configRef.name", "../okta", False, "spec.configRef.name"),
    ("RoleMapping", "configRef.namespace", "acme/../other", False, "spec.configRef.namespace"),
    ("AttributeMapping", "configRef.namespace", "a.b", False, "spec.configRef.namespace"),
    ("RoleMapping", "configRef.namespace", MISSING, True, ""),
    ("RoleMapping", "rules", [], False, "spec.rules"),
    ("RoleMapping", "rules", MISSING, False, "spec.rules: Required value"),
    ("RoleMapping", "rules.1.name", "a", False, "Duplicate value"),
    ("RoleMapping", "rules.0.groups", [], False, "spec.rules[0].groups"),
    ("RoleMapping", "rules.0.roles", [], False, "spec.rules[0].roles"),
    ("RoleMapping", "rules.0.roles", ["admin", "admin"], False, "Duplicate value"),
    ("RoleMapping", "rules.0.groups.0", {}, False, "exactly one of externalId, id, displayName and"),
    ("RoleMapping", "rules.0.groups.0.displayName", "x", False, "exactly one of"),
    ("RoleMapping", "rules.0.groups.0.id", "x", False, "exactly one of"),
    ("RoleMapping", "rules.0.groups.0.members", "x", False, "unknown field"),
    ("RoleMapping", "rules.1.groups.0.displayNamePattern", "(", False, "an RE2 expression is expected"),
    ("RoleMapping", "rules.1.groups.0.displayNamePattern", "a(?=b)", False, "an RE2 expression is expected"),
    ("RoleMapping", "rules.1.groups.0.displayNamePattern", "a{1001}", False, "an RE2 expression is expected"),
    ("RoleMapping", "rules.1.groups.0.displayNamePattern", r"\Qa.b\E|\pL+", True, ""),
    ("AttributeMapping", "schemas", [], False, "spec.schemas"),
    ("AttributeMapping", "schemas", MISSING, True, ""),
    ("AttributeMapping", "attributes", MISSING, True, ""),
    ("AttributeMapping", "schemas.0.id", "acme:app", False, "spec.schemas[0].id"),
    ("AttributeMapping", "schemas.0.id", "urn:ietf:params:scim:schemas:core:2.0:User", False, "can't be declared"),
    ("AttributeMapping", "schemas.0.id", "URN:scim-operator:x", False, "spec.schemas[0].id"),
    ("AttributeMapping", "schemas.0.id", "urn:SCIM-operator:x", False, "can't be declared"),
    ("AttributeMapping", "schemas.0.resourceType", "Device", False, "Unsupported value"),
    ("AttributeMapping", "schemas.0.attributes", [], False, "spec.schemas[0].attributes"),
    ("AttributeMapping", "schemas.0.attributes.0.name", "a b", False, "spec.schemas[0].attributes[0].name"),
    ("AttributeMapping", "schemas.0.attributes.0.name", "desks", False, "Duplicate value"),
    ("AttributeMapping", "schemas.0.attributes.0.type", "text", False, "Unsupported value"),
    ("AttributeMapping", "schemas.0.attributes.0.type", "complex", False, "subAttributes are expected"),
    ("AttributeMapping", "schemas.0.attributes.1.type", "string", False, "subAttributes are expected"),
    ("AttributeMapping", "schemas.0.attributes.1.subAttributes.0.type", "complex", False, "Unsupported value"),
    ("AttributeMapping", "schemas.0.attributes.0.uniqueness", "server", False, "unknown field"),
    ("ProvisioningConfig", "conformance", "Strict", True, ""),
    ("ProvisioningConfig", "conformance", "Loose", False, "Unsupported value"),
    ("AttributeMapping", "attributes", [], False, "spec.attributes"),
    ("AttributeMapping", "attributes.1.target", "team", False, "Duplicate value"),
    ("AttributeMapping", "attributes.2.default", MISSING, False, "path, expression, fromGroups or default"),
    ("AttributeMapping", "attributes.2.default", None, False, "path, expression, fromGroups or default"),
    ("AttributeMapping", "attributes.2.target", "1st", False, "spec.attributes[2].target"),
    ("AttributeMapping", "attributes.1.path", "emails[type eq", False, "spec.attributes[1].path"),
    ("AttributeMapping", "attributes.1.path", "name.", False, "spec.attributes[1].path"),
    ("AttributeMapping", "attributes.1.path", "", False, "spec.attributes[1].path"),
    ("AttributeMapping", "attributes.1.path", "members.$ref", True, ""),
    ("AttributeMapping", "attributes.0.expression", "user.title", False, "at most one of path, expression and"),
    ("AttributeMapping", "attributes.3.fromGroups", [EMEA], False, "at most one of path, expression and fromGroups"),
    ("AttributeMapping", "attributes.2.expression", "user.title", True, ""),
    ("AttributeMapping", "attributes.3.expression", "", False, "spec.attributes[3].expression"),
    ("AttributeMapping", "attributes.3.update", "Never", False, "Unsupported value"),
    ("AttributeMapping", "attributes.3.onMissing", "Ignore", False, "Unsupported value"),
    ("AttributeMapping", "attributes.4.fromGroups", [], False, "spec.attributes[4].fromGroups"),
    ("AttributeMapping", "attributes.4.fromGroups", [EMEA] * 65, False, "spec.attributes[4].fromGroups"),
    ("AttributeMapping", "attributes.4.fromGroups.0.value", MISSING, False, "value: Required value"),
    ("AttributeMapping", "attributes.4.fromGroups.0.group", {}, False, "exactly one of externalId, id, displayName"),
    ("AttributeMapping", "attributes.4.fromGroups.1.group.displayNamePattern", "(", False, "an RE2 expression"),
]


@pytest.fixture(scope="module")
def definitions(control_plane: ControlPlane) -> ControlPlane:
    """The control plane with our definitions."""
    control_plane.kubectl("apply", "--server-side", "-f", crd_directory())
    control_plane.kubectl(
        "wait", "--for=condition=Established", "--timeout=60s", "-f", crd_directory(), "--all-namespaces"
    )
    return control_plane


def object_of(kind: str, namespace: str, spec: JsonObject, name: str | None = None) -> JsonObject:
    metadata = {"name": name or f"x{uuid.uuid4().hex[:10]}", "namespace": namespace}
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "spec": spec}


def changed(kind: str, field: str, value: Any) -> JsonObject:
    spec = copy.deepcopy(SPECS[kind])
    *parents, last = (int(part) if part.isdigit() else part for part in field.split("."))
    node: Any = spec
    for part in parents:
        node = node[part]
    if value is MISSING:
        del node[last]
    else:
        node[last] = value
    return spec


def create(cluster: ControlPlane, body: JsonObject) -> JsonObject:
    created: JsonObject = json.loads(cluster.kubectl("create", "-f", "-", "-o", "json", stdin=json.dumps(body)))
    return created


def complaint_of_api_server(cluster: ControlPlane, body: JsonObject) -> str:
    try:
        create(cluster, body)
    except KubectlError as error:
        return str(error)
    return ""


def complaint_of_validate(body: JsonObject) -> str:
    found = read_manifests([SourceFile("body.yaml", json.dumps(body))])
    return "\n".join(str(error) for error in found.errors)


@pytest.mark.parametrize("kind", sorted(SPECS))
def test_a_spec_with_every_field_is_accepted_by_both(definitions: ControlPlane, namespace: str, kind: str) -> None:
    body = object_of(kind, namespace, SPECS[kind])

    assert complaint_of_api_server(definitions, body) == ""
    assert complaint_of_validate(body) == ""


def test_validate_and_the_api_server_agree_on_every_change(definitions: ControlPlane, namespace: str) -> None:
    disagreements = []
    for kind, field, value, valid, words in CHANGES:
        body = object_of(kind, namespace, changed(kind, field, value))
        theirs, ours = complaint_of_api_server(definitions, body), complaint_of_validate(body)
        if (theirs == "", ours == "") != (valid, valid) or words not in theirs:
            shown = "MISSING" if value is MISSING else repr(value)
            disagreements.append(f"{kind} {field}={shown[:60]}\n  API server: {theirs}\n  validate:   {ours}")

    assert not disagreements, "\n".join(disagreements)


def test_a_name_that_makes_the_url_too_long_is_refused_by_both(definitions: ControlPlane, namespace: str) -> None:
    for length in (63, 64):
        body = object_of("ProvisioningConfig", namespace, SPECS["ProvisioningConfig"], name="x" * length)
        for complaint in (complaint_of_api_server(definitions, body), complaint_of_validate(body)):
            assert ("may have at most 63 characters" in complaint) == (length == 64)


@pytest.mark.parametrize("kind", sorted(SPECS))
def test_validate_fills_in_the_defaults_of_the_api_server(
    definitions: ControlPlane, namespace: str, kind: str
) -> None:
    least = {
        "ProvisioningConfig": {"authentication": {"bearerTokens": [{"name": "a", "secretRef": {"name": "s"}}]}},
        "RoleMapping": {"configRef": {"name": "c"}, "rules": SPECS["RoleMapping"]["rules"]},
        "AttributeMapping": {"configRef": {"name": "c"}, "attributes": [{"target": "x", "default": "y"}]},
    }
    body = object_of(kind, namespace, least[kind])

    stored = create(definitions, body)
    world = read_manifests([SourceFile("body.yaml", json.dumps(body))]).world

    assert stored["status"] == {"observedGeneration": -1}
    resources: list[ProvisioningConfig | RoleMapping | AttributeMapping] = [
        *world.configs.values(),
        *world.role_mappings,
        *world.attribute_mappings,
    ]
    [ours] = resources
    assert ours.spec == type(ours).from_object(stored).spec
    if kind == "ProvisioningConfig":
        assert stored["spec"] == {
            "provider": "Generic",
            "conformance": "Tolerant",
            "suspend": False,
            "authentication": {
                "bearerTokens": [
                    {"name": "a", "secretRef": {"name": "s", "key": "token"}, "access": "Provision"},
                ]
            },
            "mode": "Enforce",
            "providerRoles": "Ignore",
            "deprovisioning": {"deactivationDelay": "15m", "onDelete": "Deactivate", "retention": "2160h"},
            "safety": {
                "maxDeactivations": {"percent": 10, "count": 25, "per": "1h"},
                "maxRoleChanges": {"percent": 20, "count": 50},
                "holdFor": "4h",
                "onHoldExpiry": "Apply",
            },
            "onDeletion": "Retain",
            "allowedNamespaces": {"from": "Same"},
        }


def test_mappings_are_selected_by_the_config_that_they_name(definitions: ControlPlane, namespace: str) -> None:
    other = definitions.create_namespace()
    config = f"c{uuid.uuid4().hex[:10]}"
    for where, name in ((namespace, config), (other, config), (other, "another")):
        for kind in ("RoleMapping", "AttributeMapping"):
            spec = copy.deepcopy(SPECS[kind]) | {"configRef": {"name": name, "namespace": namespace}}
            create(definitions, object_of(kind, where, spec))

    for plural in ("rolemappings", "attributemappings"):
        selector = f"spec.configRef.name={config},spec.configRef.namespace={namespace}"
        found = definitions.get(plural, "--all-namespaces", "--field-selector", selector)["items"]
        assert sorted(item["metadata"]["namespace"] for item in found) == sorted((namespace, other))


def test_status_is_a_subresource(definitions: ControlPlane, namespace: str) -> None:
    stored = create(definitions, object_of("RoleMapping", namespace, SPECS["RoleMapping"]))
    name = stored["metadata"]["name"]
    condition = {
        "type": "Accepted",
        "status": "True",
        "reason": "Accepted",
        "message": "",
        "lastTransitionTime": "2026-11-05T12:00:00Z",
    }
    patch = json.dumps({"status": {"observedGeneration": 1, "conditions": [condition]}})

    definitions.kubectl("patch", "rolemapping", name, "-n", namespace, "--type=merge", "-p", patch)
    assert definitions.get("rolemapping", name, "-n", namespace)["status"] == {"observedGeneration": -1}

    status = ("--subresource=status", "--type=merge", "-p")
    definitions.kubectl("patch", "rolemapping", name, "-n", namespace, *status, patch)
    after = definitions.get("rolemapping", name, "-n", namespace)
    assert after["status"]["conditions"] == [condition]
    assert after["metadata"]["generation"] == stored["metadata"]["generation"]

    twice = json.dumps({"status": {"conditions": [condition, condition]}})
    with pytest.raises(KubectlError, match="Duplicate value"):
        definitions.kubectl("patch", "rolemapping", name, "-n", namespace, *status, twice)


def test_kubectl_get_tells_at_a_glance(definitions: ControlPlane, namespace: str) -> None:
    create(definitions, object_of("ProvisioningConfig", namespace, SPECS["ProvisioningConfig"], name="okta"))
    status = {
        "observedGeneration": 1,
        "conditions": [
            {
                "type": "Ready",
                "status": "False",
                "reason": "SecretNotFound",
                "message": "",
                "lastTransitionTime": "2026-11-05T12:00:00Z",
            }
        ],
        "users": {"active": 41, "blocked": 2, "deactivated": 3},
        "groups": 7,
        "mappings": 5,
        "revision": 9,
        "lastSyncTime": "2026-11-05T12:00:00Z",
        "endpoint": f"/{namespace}/okta/scim/v2",
        "lastContactTime": "2026-11-05T12:10:00Z",
        "credentials": [
            {"name": "2026-11", "expiresAt": "2027-05-01T00:00:00Z", "lastUsedTime": "2026-11-05T12:10:00Z"}
        ],
    }
    patch = json.dumps({"status": status})
    definitions.kubectl("patch", "pcfg", "okta", "-n", namespace, "--subresource=status", "--type=merge", "-p", patch)

    header, row = definitions.kubectl("get", "pcfg", "-n", namespace).splitlines()

    assert re.split(r"\s{2,}", header.strip()) == COLUMNS
    assert row.split()[:6] == ["okta", "False", "SecretNotFound", "Okta", "5", "41"]
    assert row.split()[7] == f"/{namespace}/okta/scim/v2"
    wide = definitions.kubectl("get", "pcfg", "-n", namespace, "-o", "wide").partition("\n")[0]
    assert "LAST CONTACT" in re.split(r"\s{2,}", wide.strip())


def test_kubectl_shows_what_is_held_and_what_a_preview_says(definitions: ControlPlane, namespace: str) -> None:
    """docs/explanation/roles.md; provisioning.md, "Guards"."""
    create(definitions, object_of("ProvisioningConfig", namespace, SPECS["ProvisioningConfig"], name="okta"))
    create(definitions, object_of("RoleMapping", namespace, SPECS["RoleMapping"], name="roles"))
    at = "2026-11-05T12:00:00Z"
    held = {"type": "Held", "status": "True", "reason": "DeactivationsHeld", "message": "", "lastTransitionTime": at}
    hold = {"id": "deactivations-bcd", "kind": "deactivations", "count": 1900, "since": at, "users": ["ada"]}
    failure = {"time": at, "reason": "the answer was 500"}
    webhook = {"name": "crm", "state": "Failing", "pending": 3, "lastDeliveryTime": at, "lastFailure": failure}
    refused = {"time": at, "credential": "okta", "operation": "create user", "reason": "why", "requestId": "r"}
    config = {"conditions": [held], "holds": [hold | {"expires": at}], "webhooks": [webhook], "lastFailure": refused}
    figures = [{"role": "admin", "count": 3, "users": ["ada"]}]
    preview = {"usersGaining": 3, "usersLosing": 1, "gains": figures, "losses": figures}
    error = {"name": "a", "reason": "division by zero", "users": 2}
    mapping = {"preview": preview, "expressionErrors": [error]}
    for kind, name, status in (("pcfg", "okta", config), ("rm", "roles", mapping)):
        patch = json.dumps({"status": status})
        definitions.kubectl(
            *("patch", kind, name, "-n", namespace, "--subresource=status", "--type=merge", "-p", patch)
        )

    shown = definitions.kubectl("get", "pcfg", "-n", namespace)
    wide = definitions.kubectl("get", "rolemapping", "-n", namespace, "-o", "wide").splitlines()

    assert "DeactivationsHeld" in shown
    headings = [re.split(r"\s{2,}", wide[0].strip()).index(name) for name in ("MODE", "GAINING", "LOSING")]
    assert headings == sorted(headings)
    assert re.search(r"\bPreview +3 +1\b", wide[1])


def test_short_names_and_the_category(definitions: ControlPlane, namespace: str) -> None:
    for kind in SPECS:
        create(definitions, object_of(kind, namespace, SPECS[kind], name="x"))

    listed = definitions.kubectl("get", "scim", "-n", namespace, "-o", "name").split()

    assert sorted(name.partition(".")[0] for name in listed) == [
        "attributemapping",
        "provisioningconfig",
        "rolemapping",
    ]
    for short, kind in (("pcfg", "provisioningconfig"), ("rm", "rolemapping"), ("am", "attributemapping")):
        assert definitions.kubectl("get", short, "-n", namespace, "-o", "name").strip() == (
            f"{kind}.scim-operator.io/x"
        )


def test_kubectl_explains_every_field_of_the_spec(definitions: ControlPlane) -> None:
    # The API server publishes a new definition with some delay.
    deadline = time.monotonic() + 30
    while True:
        try:
            explained = definitions.kubectl("explain", "provisioningconfigs.spec.deprovisioning.deactivationDelay")
            break
        except KubectlError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)

    assert "A user who is set inactive is blocked at once" in explained


@pytest.mark.parametrize("folder", CONNECTIONS, ids=name_of)
def test_the_examples_are_accepted_by_the_api_server(definitions: ControlPlane, folder: Path) -> None:
    for name in namespaces_of(folder):
        definitions.kubectl("apply", "-f", "-", stdin=json.dumps(namespace_object(name)))

    definitions.kubectl("apply", "--dry-run=server", "-f", folder)


def namespaces_of(folder: Path) -> set[str]:
    files = [SourceFile(str(file), file.read_text()) for file in sorted(folder.rglob("*.yaml"))]
    return set(read_manifests(files).world.namespaces)


def namespace_object(name: str) -> JsonObject:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
