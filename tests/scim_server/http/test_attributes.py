"""Attribute mappings as a provider, an application and the operator see them."""

from typing import Any

import httpx
import pytest

from scim_server.app import Server
from scim_server.config import AttributeRule, OnMissing
from tests.support.serving import (
    ENTERPRISE,
    ERROR,
    PATCH_OP,
    Connection,
    effective_of,
)

pytestmark = pytest.mark.databases("sqlite")


@pytest.fixture
def connection() -> Connection:
    def rule(target: str, **fields: Any) -> AttributeRule:
        return AttributeRule(mapping="acme/attributes", target=target, **fields)

    return Connection(
        attributes=[
            rule("organization", expression=f'user["{ENTERPRISE}"].organization', on_missing=OnMissing.REJECT),
            rule("level", expression="size(user.title) / size(user.nickName)", default="none"),
        ]
    )


async def test_what_a_provider_an_application_and_the_operator_see(
    server: Server, provider: httpx.AsyncClient, application: httpx.AsyncClient, management: httpx.AsyncClient
) -> None:
    """provisioning.md, "onMissing" and "An expression that fails": 400 naming the attribute, or missing."""
    refused = await provider.post("/Users", json={"userName": "ann"})
    assert refused.status_code == 400
    assert refused.json() == {
        "schemas": [ERROR], "status": "400", "scimType": "invalidValue",
        "detail": f"{ENTERPRISE}:organization: a value is expected, of which acme/attributes makes 'organization'",
    }  # fmt: skip

    extension = {"organization": "Acme"}
    ann = (await provider.post("/Users", json={"userName": "ann", "title": "Boss", ENTERPRISE: extension})).json()
    assert (await effective_of(application, "ann"))["profile"] == {
        "userName": "ann", "title": "Boss", "active": True, "organization": "Acme", "level": "none",
    }  # fmt: skip
    removal = {"schemas": [PATCH_OP], "Operations": [{"op": "remove", "path": f"{ENTERPRISE}:organization"}]}
    assert (await provider.patch(f"/Users/{ann['id']}", json=removal)).status_code == 400
    assert (await provider.put(f"/Users/{ann['id']}", json={"userName": "ann"})).status_code == 400
    leaving = {"schemas": [PATCH_OP], "Operations": [{"op": "replace", "path": "active", "value": False}]}
    assert (await provider.patch(f"/Users/{ann['id']}", json=leaving)).status_code == 200

    bob = {"userName": "bob", "title": "Boss", "nickName": "", ENTERPRISE: extension}
    assert (await provider.post("/Users", json=bob)).status_code == 201
    status = (await management.get("/v1/status")).json()["tenants"]["acme/okta"]["expressionErrors"]
    reason = "division by zero"
    assert status == {"acme/attributes": [{"kind": "target", "name": "level", "reason": reason, "users": 1}]}
    metrics = (await management.get("/metrics")).text
    assert 'scim_expression_errors_total{mapping="acme/attributes",tenant="acme/okta"} 1.0' in metrics
    log = (await management.get("/v1/tenants/acme/okta/log")).json()
    assert f"acme/attributes: the expression of level failed: {reason}" in str(log)
