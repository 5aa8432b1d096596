"""Roles as resources of their own, in the form in which Okta discovers them for entitlement management.

Okta reads /ResourceTypes, then every endpoint whose schema is this one; it takes `id` as the value to put into the
`roles` of a user and `displayName` as what people see.
"""

from scim_server.scim.schema import Attribute, ResourceType, Schema

ROLE_URN = "urn:okta:scim:schemas:core:1.0:Role"

ROLE = Schema(
    ROLE_URN,
    "Role",
    "Role that a user may have",
    (Attribute("displayName", description="Name for people to read", mutability="readOnly"),),
)

ROLE_TYPE = ResourceType("Role", "/Roles", "Roles of the catalogue, declared in the configuration", ROLE)
