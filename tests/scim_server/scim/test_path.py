import pytest

from scim_server.scim.core_schemas import USER_URN
from scim_server.scim.effective_schema import EFFECTIVE_URN
from scim_server.scim.enterprise import ENTERPRISE_URN
from scim_server.scim.path import UnresolvedPath, resolve
from scim_server.scim.resource_types import user_resource_type
from scim_server.scim.schema import Attribute, Schema
from tests.scim_server.scim.strategies import CUSTOM_URN, USER_WITH_APP


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("username", "userName"),
        ("NAME.FAMILYNAME", "name.familyName"),
        ("meta.lastmodified", "meta.lastModified"),
        (f"{USER_URN}:userName", "userName"),
        (f"{USER_URN.upper()}:name.familyName", "name.familyName"),
        (f"{USER_URN}:externalId", "externalId"),
        (f"{ENTERPRISE_URN}:manager.displayname", f"{ENTERPRISE_URN}:manager.displayName"),
        ("manager.value", f"{ENTERPRISE_URN}:manager.value"),
        ("roles", "roles"),  # the core attribute, not the effective extension's
        ("state", f"{EFFECTIVE_URN}:state"),
        (f"{CUSTOM_URN}:level", f"{CUSTOM_URN}:level"),
        (f"{EFFECTIVE_URN}:profile.email", f"{EFFECTIVE_URN}:profile.email"),
    ],
)
def test_names_resolve_in_any_case(text: str, canonical: str) -> None:
    path = resolve(text, USER_WITH_APP)
    assert str(path) == canonical
    assert resolve(str(path), USER_WITH_APP) == path


@pytest.mark.parametrize(
    ("text", "unknown_schema"),
    [
        ("shoeSize", False),
        ("name.shoeSize", False),
        ("userName.value", False),
        ("name.familyName.x", False),
        ("", False),
        (".", False),
        (f"{ENTERPRISE_URN}:userName", False),
        (f"{USER_URN}:department", False),
        (ENTERPRISE_URN, True),
        ("urn:acme:other:2.0:User:x", True),
        (":", True),
    ],
)
def test_what_does_not_resolve(text: str, unknown_schema: bool) -> None:
    with pytest.raises(UnresolvedPath) as caught:
        resolve(text, USER_WITH_APP)
    assert caught.value.unknown_schema is unknown_schema


def test_the_longest_urn_wins_where_one_begins_like_another() -> None:
    short = Schema("urn:acme:app", "Short", "", (Attribute("level"),))
    long = Schema("urn:acme:app:2.0:User", "Long", "", (Attribute("level"),))
    for extensions in ([short, long], [long, short]):
        resource_type = user_resource_type(extensions)
        assert resolve("urn:acme:app:2.0:User:level", resource_type).schema_urn == long.id
        assert resolve("urn:acme:app:level", resource_type).schema_urn == short.id
