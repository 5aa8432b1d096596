"""provisioning.md, "It has three ways to give a user an organisation": fixed, by an attribute, by SCIM group."""

import httpx

from tests.support.local_mode import RunningLocalMode

APP = "urn:acme:scim:schemas:extension:app:2.0:User"
EFFECTIVE = "urn:scim-operator:params:scim:schemas:extension:effective:2.0:User"
USER = "urn:ietf:params:scim:schemas:core:2.0:User"


def _client(served: RunningLocalMode, name: str) -> httpx.Client:
    headers = {"Authorization": f"Bearer placeholder-token-of-the-connection-{name}"}
    return httpx.Client(base_url=served.base_url(f"organizations/{name}"), headers=headers, trust_env=False)


def _organization(client: httpx.Client, user_id: str) -> str:
    shown = client.get(f"/Users/{user_id}", params={"attributes": EFFECTIVE}).json()
    organization: str = shown[EFFECTIVE]["profile"]["organization"]
    return organization


def test_one_organization_for_all(served: RunningLocalMode) -> None:
    with _client(served, "fixed") as client:
        ada = client.post("/Users", json={"schemas": [USER], "userName": "ada"}).json()
        assert _organization(client, ada["id"]) == "Acme"


def test_the_organization_by_an_attribute(served: RunningLocalMode) -> None:
    with _client(served, "by-attribute") as client:
        refused = client.post("/Users", json={"schemas": [USER], "userName": "ada"})
        assert (refused.status_code, refused.json()["scimType"]) == (400, "invalidValue")
        assert refused.json()["detail"].startswith(f"{APP}:orgName: a value is expected")
        ada = {"schemas": [USER, APP], "userName": "ada", APP: {"orgName": " Umbrella "}}
        created = client.post("/Users", json=ada).json()
        assert _organization(client, created["id"]) == "Umbrella"
        moved = client.put(f"/Users/{created['id']}", json=ada | {APP: {"orgName": "Other"}})
        assert moved.status_code == 200
        assert _organization(client, created["id"]) == "Umbrella"


def test_the_organization_by_group(served: RunningLocalMode) -> None:
    with _client(served, "by-group") as client:
        ada = client.post("/Users", json={"schemas": [USER], "userName": "ada"}).json()["id"]
        assert _organization(client, ada) == "Default"
        for name, organization in (("APAC", "Asia"), ("EMEA", "Europe")):
            group = {"displayName": name, "members": [{"value": ada}]}
            assert client.post("/Groups", json=group).status_code == 201
            assert _organization(client, ada) == organization
