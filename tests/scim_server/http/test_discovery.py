"""Discovery: what is announced, and nothing else."""

import httpx
import pytest

from tests.support.serving import EFFECTIVE, ENTERPRISE

pytestmark = pytest.mark.databases("sqlite")  # nothing here depends on what is stored

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"


async def test_service_provider_config_announces_what_works(provider: httpx.AsyncClient) -> None:
    config = (await provider.get("/ServiceProviderConfig")).json()
    supported = {name for name, value in config.items() if isinstance(value, dict) and value.get("supported")}
    assert supported == {"patch", "filter", "sort", "etag", "bulk"}
    assert config["bulk"] == {"supported": True, "maxOperations": 1000, "maxPayloadSize": 8 << 20}
    assert [scheme["type"] for scheme in config["authenticationSchemes"]] == ["oauthbearertoken"]
    assert config["meta"]["location"] == str(provider.base_url).rstrip("/") + "/ServiceProviderConfig"


@pytest.mark.parametrize(
    ("path", "ids"),
    [("/Schemas", {USER, GROUP, ENTERPRISE}), ("/ResourceTypes", {"User", "Group"})],
)
async def test_lists_and_single_items(provider: httpx.AsyncClient, path: str, ids: set[str]) -> None:
    listed = (await provider.get(path)).json()
    assert listed["totalResults"] == len(ids)
    assert {document["id"] for document in listed["Resources"]} == ids
    for document in listed["Resources"]:
        assert (await provider.get(f"{path}/{document['id']}")).json() == document
        assert document["meta"]["location"].endswith(f"{path}/{document['id']}")
    assert (await provider.get(f"{path}/Nothing")).status_code == 404


async def test_discovery_needs_a_token(provider: httpx.AsyncClient) -> None:
    answer = await provider.get("/ServiceProviderConfig", headers={"Authorization": ""})
    assert answer.status_code == 401


async def test_only_readers_are_told_of_the_effective_extension(
    provider: httpx.AsyncClient, application: httpx.AsyncClient
) -> None:
    assert (await application.get(f"/Schemas/{EFFECTIVE}")).status_code == 200
    assert (await provider.get(f"/Schemas/{EFFECTIVE}")).status_code == 404
    shown = (await application.get("/ResourceTypes/User")).json()["schemaExtensions"]
    assert [extension["schema"] for extension in shown] == [ENTERPRISE, EFFECTIVE]
