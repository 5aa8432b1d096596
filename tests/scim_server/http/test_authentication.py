"""Nobody without a valid token of the tenant learns anything, not even which tenants exist."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from scim_server.app import Server
from tests.support.serving import ERROR, Connection, bundle_of, client_of

pytestmark = pytest.mark.databases("sqlite")  # nothing here depends on what is stored

OTHER = Connection("globex/entra")


def what_strangers_see(answer: httpx.Response) -> tuple[object, ...]:
    headers = {name: value for name, value in answer.headers.items() if name not in ("x-request-id", "date")}
    return answer.status_code, answer.content, headers


async def test_unknown_tenant_wrong_token_and_foreign_token_answer_alike(
    bare_server: Server, connection: Connection
) -> None:
    await bare_server.intake.offer(bundle_of(connection, OTHER), "test")
    async with client_of(bare_server.url) as stranger:
        valid = {"Authorization": f"Bearer {connection.token('provision')}"}
        assert (await stranger.get(f"{connection.path}/Users", headers=valid)).status_code == 200
        answers = [
            await stranger.get(f"{path}/Users{rest}", headers=headers)
            for path, rest, headers in (
                (connection.path, "", {}),
                (connection.path, "", {"Authorization": "Bearer wrong"}),
                (connection.path, "", {"Authorization": "Bearer"}),
                (connection.path, "", {"Authorization": f"Basic {connection.token('provision')}"}),
                (connection.path, "", {"Authorization": f"Bearer {OTHER.token('provision')}"}),
                (OTHER.path, "", valid),
                ("/acme/nobody/scim/v2", "", valid),
                ("/nobody/okta/scim/v2", "/some-id", valid),
            )
        ]
    assert {what_strangers_see(answer)[0] for answer in answers} == {401}
    assert len({(answer.content, answer.headers["content-type"]) for answer in answers}) == 1
    assert answers[0].headers["www-authenticate"].startswith("Bearer ")
    assert answers[0].json()["schemas"] == [ERROR]
    assert all(what_strangers_see(answer) == what_strangers_see(answers[0]) for answer in answers)


async def test_unknown_endpoints_are_not_seen_without_a_token(server: Server, connection: Connection) -> None:
    async with client_of(server.url) as stranger:
        unknown = await stranger.get(f"{connection.path}/Nothing")
        known = await stranger.get(f"{connection.path}/Users")
    assert what_strangers_see(unknown) == what_strangers_see(known)


async def test_an_encoded_path_reaches_only_the_tenant_whose_token_it_has(
    bare_server: Server, connection: Connection
) -> None:
    await bare_server.intake.offer(bundle_of(connection, OTHER), "test")
    async with client_of(bare_server.url, connection) as client:
        await client.post("/Users", json={"userName": "a@acme.com"})
    token = {"Authorization": f"Bearer {OTHER.token('provision')}"}
    for path in (
        "/acme%2Fokta/scim/v2/Users",
        "/acme/okt%61/scim/v2/Users",
        "/globex/entra/scim/v2/..%2F..%2F..%2F..%2Facme%2Fokta%2Fscim%2Fv2%2FUsers",
        "/globex/entra%2F..%2F..%2Facme%2Fokta/scim/v2/Users",
        "/globex/entra/scim/v2/%2e%2e/%2e%2e/%2e%2e/%2e%2e/acme/okta/scim/v2/Users",
    ):
        async with client_of(bare_server.url) as client:
            answer = await client.get(httpx.URL(bare_server.url + path), headers=token)
        assert answer.status_code in (401, 404), path
        assert b"a@acme.com" not in answer.content


async def test_each_of_several_credentials_is_accepted(server: Server, connection: Connection) -> None:
    for credential in ("provision", "read"):
        async with client_of(server.url, connection, credential) as client:
            assert (await client.get("/Users")).status_code == 200


async def test_an_expired_credential_is_refused_like_a_wrong_one(bare_server: Server) -> None:
    expired = Connection(expires_at=datetime.now(UTC) - timedelta(seconds=1))
    await bare_server.intake.offer(bundle_of(expired), "test")
    async with client_of(bare_server.url, expired) as late, client_of(bare_server.url) as stranger:
        answer = await late.get("/Users")
        assert what_strangers_see(answer) == what_strangers_see(await stranger.get(f"{expired.path}/Users"))


async def test_a_replaced_token_works_at_once_and_the_removed_one_stops(
    server: Server, connection: Connection
) -> None:
    async with client_of(server.url, connection) as old:
        assert (await old.get("/Users")).status_code == 200
        replaced = Connection(tokens={"provision": "a-new-token-of-twenty-bytes"})
        await server.intake.offer(bundle_of(replaced, revision=2), "test")
        assert (await old.get("/Users")).status_code == 401
    async with client_of(server.url, replaced) as new:
        assert (await new.get("/Users")).status_code == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_a_read_credential_changes_nothing(
    application: httpx.AsyncClient, provider: httpx.AsyncClient, method: str
) -> None:
    user = (await provider.post("/Users", json={"userName": "a@acme.com"})).json()
    path = "/Users" if method == "POST" else f"/Users/{user['id']}"
    answer = await application.request(method, path, json={"userName": "b@acme.com"})
    assert answer.status_code == 403
    assert answer.json()["schemas"] == [ERROR]
    assert (await provider.get(f"/Users/{user['id']}")).json() == user


async def test_repeated_authorization_headers_are_refused(server: Server, connection: Connection) -> None:
    token = f"Bearer {connection.token('provision')}"
    async with client_of(server.url) as client:
        answer = await client.get(
            f"{connection.path}/Users", headers=[("Authorization", token), ("Authorization", token)]
        )
    assert answer.status_code == 401


async def test_without_a_configuration_every_path_is_unavailable(bare_server: Server, connection: Connection) -> None:
    async with client_of(bare_server.url, connection) as client:
        answer = await client.get("/Users")
    assert answer.status_code == 503
    assert answer.headers["retry-after"].isdecimal()
    assert answer.json()["schemas"] == [ERROR]


async def test_tenants_have_users_of_the_same_name_and_never_see_each_others(
    bare_server: Server, connection: Connection
) -> None:
    await bare_server.intake.offer(bundle_of(connection, OTHER), "test")
    async with client_of(bare_server.url, connection) as acme, client_of(bare_server.url, OTHER) as globex:
        ours = (await acme.post("/Users", json={"userName": "same@example.com"})).json()
        theirs = await globex.post("/Users", json={"userName": "same@example.com"})
        group = (await acme.post("/Groups", json={"displayName": "Staff", "members": [{"value": ours["id"]}]})).json()
        assert theirs.status_code == 201
        for path in (f"/Users/{ours['id']}", f"/Groups/{group['id']}"):
            for method in ("GET", "DELETE"):
                assert (await globex.request(method, path)).status_code == 404
            patch = {"Operations": [{"op": "replace", "value": {"displayName": "taken over"}}]}
            assert (await globex.patch(path, json=patch)).status_code == 404
            assert (await globex.put(path, json={"userName": "x", "displayName": "x"})).status_code == 404
        stolen = await globex.post("/Groups", json={"displayName": "Staff", "members": [{"value": ours["id"]}]})
        assert stolen.status_code == 400
        assert (await globex.get("/Groups")).json()["totalResults"] == 0
        assert [user["id"] for user in (await globex.get("/Users")).json()["Resources"]] == [theirs.json()["id"]]
        assert (await acme.get(f"/Users/{ours['id']}")).json()["groups"][0]["value"] == group["id"]
