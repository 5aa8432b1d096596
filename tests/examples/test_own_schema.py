"""What the example own-schema declares reaches clients and applications."""

import httpx

from tests.support.local_mode import RunningLocalMode

WORKFORCE = "urn:acme:scim:schemas:extension:workforce:2.0:User"
USER = "urn:ietf:params:scim:schemas:core:2.0:User"


def test_a_schema_of_the_tenants_own(served: RunningLocalMode) -> None:
    headers = {"Authorization": "Bearer replace-this-placeholder-token"}
    with httpx.Client(base_url=served.base_url("acme/workforce"), headers=headers, trust_env=False) as client:
        assert client.get("/ServiceProviderConfig").json()["interopProfileConformant"] is True
        assert client.get(f"/Schemas/{WORKFORCE}").json()["name"] == "Workforce"
        ada = {"schemas": [USER, WORKFORCE], "userName": "ada", WORKFORCE: {"badge": "aB7", "contractor": True}}
        created = client.post("/Users", json=ada)
        assert created.status_code == 201, created.text
        found = client.get("/Users", params={"filter": f'{WORKFORCE}:badge eq "aB7"'}).json()
        assert [user["userName"] for user in found["Resources"]] == ["ada"]
        refused = client.post("/Users", json={"schemas": [USER], "userName": "eve", "badge": "x"})
        assert (refused.status_code, refused.json()["scimType"]) == (400, "invalidSyntax")
