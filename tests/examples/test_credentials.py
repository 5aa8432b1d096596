"""The example of credentials, served by local mode: passwords, OAuth clients and users really get in."""

import httpx

from tests.support.local_mode import RunningLocalMode

SECRET = ("pingone", "replace-this-placeholder-secret")


def test_everybody_gets_in_where_they_belong(served: RunningLocalMode) -> None:
    onelogin, pingone = served.base_url("acme/onelogin"), served.base_url("acme/pingone")
    login = ("onelogin", "replace-this-placeholder-password")
    assert httpx.get(f"{onelogin}/Users", auth=login).status_code == 200
    assert httpx.get(f"{pingone}/Users", auth=login).status_code == 401

    host = pingone.partition("/acme/")[0]
    metadata = httpx.get(f"{host}/.well-known/oauth-authorization-server/acme/pingone").json()
    form = {"grant_type": "client_credentials"}
    granted = httpx.post(metadata["token_endpoint"], data=form, auth=SECRET).json()
    bearer = {"Authorization": f"Bearer {granted['access_token']}"}
    ada = httpx.post(f"{pingone}/Users", json={"userName": "ada@acme.com"}, headers=bearer)
    assert ada.status_code == 201
    assert httpx.get(f"{onelogin}/Users", headers=bearer).status_code == 401
    assert httpx.get(f"{served.base_url('acme/entra-id-tokens')}/Users", headers=bearer).status_code == 401

    own = {"Authorization": "Bearer replace-this-placeholder-token"}
    assert httpx.get(f"{pingone}/Me", headers=own).json()["id"] == ada.json()["id"]
    assert httpx.get(f"{pingone}/Users", headers=own).status_code == 403
