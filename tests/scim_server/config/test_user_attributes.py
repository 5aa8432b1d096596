"""Which paths name an attribute of a user, held against the server's own schemas."""

import pytest

from scim_server.config import USER_ATTRIBUTES, ExtensionSchema, UserAttributes
from scim_server.scim.resource_types import USER_TYPE

APP = ExtensionSchema.model_validate(
    {
        "mapping": "acme/app",
        "id": "urn:acme:app:2.0:User",
        "attributes": [
            {"name": "orgName"},
            {"name": "seat", "type": "complex", "subAttributes": [{"name": "floor"}]},
        ],
    }
)


def test_the_names_are_those_of_the_schemas() -> None:
    """Without what is derived (groups) or never kept (password); externalId is common to all resources."""
    for schema in (USER_TYPE.schema, *USER_TYPE.extensions):
        if schema.id in USER_ATTRIBUTES:
            kept = {
                attribute.name: tuple(part.name for part in attribute.sub_attributes)
                for attribute in schema.attributes
                if attribute.name not in {"groups", "password"}
            }
            named = {name: parts for name, parts in USER_ATTRIBUTES[schema.id].items() if name != "externalId"}
            assert named == kept
    assert {schema.id for schema in (USER_TYPE.schema, *USER_TYPE.extensions)} >= set(USER_ATTRIBUTES)


@pytest.mark.parametrize(
    "path",
    [
        "userName",
        "USERNAME",
        "externalId",
        "name.givenName",
        'emails[type eq "work"].value',
        'emails[type eq "a.b]c"]',
        "department",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
        "urn:ietf:params:scim:schemas:core:2.0:User:name.familyName",
        "manager.$ref",
        "urn:acme:app:2.0:User:orgName",
        "urn:acme:app:2.0:User:seat.floor",
        "orgName",
    ],
)
def test_known(path: str) -> None:
    assert UserAttributes([APP]).know(path)


@pytest.mark.parametrize(
    "path",
    [
        "givenName",
        "name.givneName",
        "userName.value",
        "urn:ietf:params:scim:schemas:core:2.0:User:department",
        "urn:acme:other:orgName",
        "urn:acme:app:2.0:User:seat.room",
        "password",
        "groups",
        "",
        "urn:acme:app:2.0:User",
    ],
)
def test_unknown(path: str) -> None:
    assert not UserAttributes([APP]).know(path)


def test_a_schema_of_groups_adds_nothing_to_users() -> None:
    groups = APP.model_copy(update={"resource_type": "Group"})
    assert not UserAttributes([groups]).know("orgName")
