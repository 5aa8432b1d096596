import json
from typing import Any

import jsonschema
import pytest

from scim_server.config import BearerCredential, GroupSelector, Role, RoleRule
from scim_server.config.schema import SCHEMA_PATH, json_schema
from tests.scim_server.config.bundles import bundle, tenant

SCHEMA = json.loads(SCHEMA_PATH.read_text())


def document() -> dict[str, Any]:
    full = tenant(
        display_name="Acme",
        credentials=(BearerCredential(name="okta"),),
        roles=(Role(name="admin", permissions=("a",)),),
        base_roles=("admin",),
        rules=(RoleRule(mapping="acme/m", rule="r", groups=(GroupSelector(display_name="A"),), roles=("admin",)),),
    )
    decoded: dict[str, Any] = json.loads(bundle(3, full).encode())
    return decoded


def test_the_published_schema_is_that_of_the_models() -> None:
    assert SCHEMA_PATH.read_text() == json_schema(), "run `make schemas`"


def test_it_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_it_accepts_what_the_operator_writes() -> None:
    jsonschema.validate(document(), SCHEMA)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("config", "revision"), 0),
        (("config", "revision"), "3"),
        (("config", "revision"), True),
        (("config", "revision"), 2**63),
        (("config", "schemaVersion"), True),
        (("config", "tenants", 0, "deprovisioning", "deactivationDelaySeconds"), 10**9),
        (("config", "futureField"), 1),
        (("config", "tenants", 0, "namespace"), "a/b"),
        (("config", "tenants", 0, "credentials", 0, "access"), "Write"),
        (("config", "tenants", 0, "rules", 0, "roles"), []),
        (("secrets", "tokenKey"), "short"),
        (("secrets", "digests", "acme/okta/okta"), "short"),
    ],
)
def test_it_refuses_what_the_server_refuses(path: tuple[str | int, ...], value: object) -> None:
    changed: Any = document()
    parent = changed
    for part in path[:-1]:
        parent = parent[part]
    parent[path[-1]] = value

    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(changed, SCHEMA)
