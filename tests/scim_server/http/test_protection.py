"""Limits on rates, failures, bodies, operations and time, as a client sees them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from scim_server.app import Server
from scim_server.config import Access, BearerCredential, ConfigBundle, OAuthClient, pair_digest, token_digest
from scim_server.http.deadlines import TimeLimits
from scim_server.http.protection import RequestLimits
from scim_server.limits.token_bucket import Rate
from tests.scim_server.auth.authenticators import tenant
from tests.scim_server.http.running import (
    TOKEN_KEY,
    Connection,
    bundle_of_tenants,
    client,
    connected,
    refusals,
    running,
)
from tests.scim_server.http.test_errors import assert_scim_error
from tests.support.serving import ERROR
from tests.support.storages import writing

pytestmark = pytest.mark.databases("sqlite")  # nothing here depends on what is stored

TENANTS = ("acme/one", "acme/two")
SECRET = "client-secret-of-twenty-bytes"
SLOWLY = Rate(0.001, 3)


def token(key: str) -> str:
    return f"token-of-{key}-0123456789"


@asynccontextmanager
async def limited(
    directory: Path,
    trusted_proxies: tuple[str, ...] = (),
    body_limit: int = 1_000_000,
    drain_seconds: int = 25,
    **limits: Any,
) -> AsyncIterator[Server]:
    tenants = [
        tenant(
            key,
            credentials=(BearerCredential(name="token"),),
            oauth_clients=(OAuthClient(name="client", client_id="client"),),
        )
        for key in TENANTS
    ]
    digests = {f"{key}/token": token_digest(token(key).encode(), TOKEN_KEY) for key in TENANTS}
    digests |= {f"{key}/client": pair_digest(b"client", SECRET.encode(), TOKEN_KEY) for key in TENANTS}
    bundle = bundle_of_tenants(*tenants, digests=digests)
    async with running(
        directory,
        bundle,
        limits=RequestLimits(**limits),
        trusted_proxies=trusted_proxies,
        body_limit=body_limit,
        drain_seconds=drain_seconds,
    ) as server:
        yield server


@asynccontextmanager
async def provider(server: Server, key: str = TENANTS[0]) -> AsyncIterator[httpx.AsyncClient]:
    async with client(server, f"Bearer {token(key)}") as one:
        one.base_url = httpx.URL(f"{server.url}/{key}/scim/v2")
        yield one


def assert_too_often(answer: httpx.Response) -> None:
    assert_scim_error(answer, 429)
    assert int(answer.headers["retry-after"]) >= 1


async def test_a_tenants_rate_is_its_own(tmp_path: Path) -> None:
    async with limited(tmp_path, tenant_rate=SLOWLY) as server:
        async with provider(server) as busy, provider(server, TENANTS[1]) as other:
            assert [(await busy.get("/Users")).status_code for _ in range(3)] == [200] * 3
            assert_too_often(await busy.get("/Users"))
            assert_too_often(await busy.post("/Users", json={"userName": "a"}))
            assert (await other.get("/Users")).status_code == 200
        assert refusals(server, "tenant_rate") == 2


def people_and_a_provider() -> ConfigBundle:
    one = tenant(
        "acme/one",
        credentials=(
            BearerCredential(name="token"),
            BearerCredential(name="ann", access=Access.SELF, user_name="Ann@acme.com"),
            BearerCredential(name="ann-too", access=Access.SELF, user_name="ann@ACME.com"),
            BearerCredential(name="bob", access=Access.SELF, user_name="bob@acme.com"),
        ),
    )
    names = ("token", "ann", "ann-too", "bob")
    digests = {f"acme/one/{name}": token_digest(token(name).encode(), TOKEN_KEY) for name in names}
    return bundle_of_tenants(one, digests=digests)


async def statuses(server: Server, credential: str, path: str, count: int) -> list[int]:
    async with client(server, f"Bearer {token(credential)}") as one:
        return [(await one.get(f"/acme/one/scim/v2{path}")).status_code for _ in range(count)]


async def test_a_users_token_does_not_use_up_the_tenants_rate(tmp_path: Path) -> None:
    limits = RequestLimits(tenant_rate=Rate(0.001, 10), credential_rate=None, user_rate=SLOWLY)
    async with running(tmp_path, people_and_a_provider(), limits=limits) as server:
        assert await statuses(server, "ann", "/Users", 8) == [403] * 3 + [429] * 5
        assert await statuses(server, "ann-too", "/Me", 1) == [429], "of the same user"
        assert await statuses(server, "bob", "/Users", 1) == [403]
        assert refusals(server, "user_rate") == 6
        assert await statuses(server, "token", "/Users", 7) == [200] * 6 + [429]
        assert refusals(server, "tenant_rate") == 1


async def test_a_credential_does_not_use_up_the_tenants_rate(tmp_path: Path) -> None:
    limits = RequestLimits(tenant_rate=Rate(0.001, 10), credential_rate=SLOWLY)
    async with running(tmp_path, people_and_a_provider(), limits=limits) as server:
        assert await statuses(server, "ann", "/Users", 8) == [403] * 3 + [429] * 5
        assert await statuses(server, "token", "/Users", 4) == [200] * 3 + [429]
        assert refusals(server, "credential_rate") == 6


async def test_whoever_waits_as_told_goes_on(tmp_path: Path) -> None:
    async with limited(tmp_path, tenant_rate=Rate(10, 1)) as server, provider(server) as busy:
        answer = await busy.get("/Users")
        while answer.status_code == 200:
            answer = await busy.get("/Users")
        await asyncio.sleep(int(answer.headers["retry-after"]))
        assert (await busy.get("/Users")).status_code == 200


async def test_strangers_do_not_use_up_a_tenants_rate(tmp_path: Path) -> None:
    async with limited(tmp_path, tenant_rate=SLOWLY) as server:
        async with client(server, "Bearer wrong") as stranger:
            for _ in range(10):
                assert (await stranger.get(f"/{TENANTS[0]}/scim/v2/Users")).status_code == 401
        async with provider(server) as one:
            assert (await one.get("/Users")).status_code == 200


async def test_the_token_endpoint_counts_as_a_request(tmp_path: Path) -> None:
    async with limited(tmp_path, tenant_rate=SLOWLY) as server, client(server) as one:
        form = {"grant_type": "client_credentials", "client_id": "client", "client_secret": SECRET}
        answers = [await one.post(f"/{TENANTS[0]}/oauth/token", data=form) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert answers[3].json()["error"] == "temporarily_unavailable"
    assert int(answers[3].headers["retry-after"]) >= 1


async def test_failures_of_an_address_are_limited_and_lock_nobody_out(tmp_path: Path) -> None:
    async with limited(tmp_path, failed_authentication=SLOWLY) as server:
        async with client(server, "Bearer wrong") as stranger:
            paths = [f"/{key}/scim/v2/Users" for key in ("acme/one", "no/body", "acme/two", "acme/one", "no/body")]
            answers = [await stranger.get(path) for path in paths]
            assert [answer.status_code for answer in answers] == [401, 401, 401, 429, 429]
            assert_too_often(answers[3])
            assert answers[3].content == answers[4].content
            token_answer = await stranger.post("/acme/one/oauth/token", data={"grant_type": "client_credentials"})
            assert token_answer.status_code == 429
        async with provider(server) as valid:
            assert (await valid.get("/Users")).status_code == 200
        assert refusals(server, "failed_authentication") == 3


async def test_behind_a_trusted_proxy_the_client_counts(tmp_path: Path) -> None:
    async with limited(tmp_path, ("127.0.0.1",), failed_authentication=SLOWLY) as server, client(server) as proxy:
        path = f"/{TENANTS[0]}/scim/v2/Users"

        async def fail(forwarded_for: str) -> int:
            return (await proxy.get(path, headers={"X-Forwarded-For": forwarded_for})).status_code

        assert [await fail(f"198.51.100.{n}, 203.0.113.9") for n in range(4)] == [401, 401, 401, 429]
        assert await fail("203.0.113.10") == 401


async def test_who_is_no_trusted_proxy_cannot_pretend_to_be_many(tmp_path: Path) -> None:
    async with limited(tmp_path, failed_authentication=SLOWLY) as server, client(server) as stranger:
        path = f"/{TENANTS[0]}/scim/v2/Users"
        answers = [await stranger.get(path, headers={"X-Forwarded-For": f"198.51.100.{n}"}) for n in range(4)]
        assert [answer.status_code for answer in answers] == [401, 401, 401, 429]


async def test_too_many_operations(tmp_path: Path) -> None:
    async with limited(tmp_path) as server, provider(server) as one:
        group = (await one.post("/Groups", json={"displayName": "Staff"})).json()
        operation = '{"op":"add"}'
        body = '{"Operations":[' + ",".join([operation] * 50_001) + "]}"
        answer = await one.patch(f"/Groups/{group['id']}", content=body, headers={"Content-Type": "application/json"})
    assert_scim_error(answer, 413)
    assert "50001 are too many; at most 50000" in answer.json()["detail"]


BODY = '{"userName":"a"}'


def head(method: str, length: int, *more: str) -> str:
    """Of a request of the first tenant, as bytes go, with `more` header lines."""
    lines = "".join(f"{line}\r\n" for line in more)
    return (
        f"{method} /{TENANTS[0]}/scim/v2/Users HTTP/1.1\r\nHost: x\r\n{lines}"
        f"Authorization: Bearer {token(TENANTS[0])}\r\nContent-Length: {length}\r\n\r\n"
    )


async def test_a_body_that_does_not_arrive_in_time(tmp_path: Path) -> None:
    async with limited(tmp_path, times=TimeLimits(body=0.2)) as server, connected(server) as slow:
        await slow.send(head("POST", len(BODY)) + BODY[:5])
        status, body = await slow.answer()
        assert (status, body["status"], body["schemas"]) == (408, "408", [ERROR])
        assert await slow.ended()
        assert refusals(server, "slow_body") == 1


async def test_what_is_cut_off_by_the_end_of_the_server_is_counted_too(tmp_path: Path) -> None:
    async with limited(tmp_path, drain_seconds=0, tenant_requests=1) as server, connected(server) as slow:
        await slow.send(head("POST", len(BODY)) + BODY[:5])
        async with provider(server) as other:
            while (await other.get("/Users")).status_code != 429:
                pass  # it isn't under way yet
        await server.stop()
        labels = {"tenant": TENANTS[0], "method": "POST", "route": "/Users", "status": "499"}
        assert server.metrics.registry.get_sample_value("scim_requests_total", labels) == 1


async def test_slow_bodies_of_one_tenant_keep_no_other_from_its_turn(tmp_path: Path) -> None:
    async with (
        limited(tmp_path, tenant_requests=5) as server,
        AsyncExitStack() as open_connections,
        provider(server) as slow,
        provider(server, TENANTS[1]) as other,
    ):
        connections = [await open_connections.enter_async_context(connected(server)) for _ in range(6)]
        for connection in connections:
            await connection.send(head("POST", len(BODY)) + BODY[:5])
        answers = [asyncio.create_task(connection.answer()) for connection in connections]
        (refused,), _ = await asyncio.wait(answers, return_when=asyncio.FIRST_COMPLETED)
        assert (await refused)[0] == 429
        assert_too_often(await slow.get("/Users"))
        assert (await other.post("/Users", json={"userName": "a"})).status_code == 201
        for connection in connections:
            await connection.send(BODY[5:])
        assert sorted([(await answer)[0] for answer in answers]) == [201, 409, 409, 409, 409, 429]
        assert (await slow.get("/Users")).status_code == 200


async def creeping_token_request(connection: Connection, form: str) -> None:
    """One whose body the server waits for, without the most of it."""
    await connection.send(
        f"POST /{TENANTS[0]}/oauth/token HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\n"
        f"Content-Length: {len(form)}\r\n\r\n"
    )
    assert await connection.may_continue()
    await connection.send(form[:5])


async def test_a_new_token_request_ends_the_one_that_has_waited_longest_for_its_body(tmp_path: Path) -> None:
    form = "grant_type=client_credentials"
    async with limited(tmp_path, token_requests=3) as server, AsyncExitStack() as open_connections:
        connections = [await open_connections.enter_async_context(connected(server)) for _ in range(4)]
        first, *others = connections
        for connection in connections:
            await creeping_token_request(connection, form)
        status, body = await first.answer()
        assert (status, body["error"]) == (429, "temporarily_unavailable")
        assert await first.ended()
        assert refusals(server, "token_requests") == 1
        for connection in others:
            await connection.send(form[5:])
        assert [(await connection.answer())[0] for connection in others] == [401] * 3


async def test_creeping_strangers_keep_nobody_at_their_address_from_a_token(tmp_path: Path) -> None:
    form = {"grant_type": "client_credentials", "client_id": "client", "client_secret": SECRET}
    async with limited(tmp_path, token_requests=3) as server, AsyncExitStack() as clients:
        honest = await clients.enter_async_context(client(server))
        for _ in range(8):
            stranger = await clients.enter_async_context(connected(server))
            await creeping_token_request(stranger, "grant_type=client_credentials")
            assert (await honest.post(f"/{TENANTS[0]}/oauth/token", data=form)).status_code == 200


async def test_a_body_of_a_token_request_that_does_not_arrive(tmp_path: Path) -> None:
    async with limited(tmp_path) as server, connected(server) as stranger:
        await creeping_token_request(stranger, "grant_type=client_credentials")
        status, body = await stranger.answer()
        assert (status, body["error"]) == (400, "invalid_request")
        assert await stranger.ended()


async def test_work_that_takes_too_long_is_given_up_and_undone(tmp_path: Path) -> None:
    async with limited(tmp_path, times=TimeLimits(work=2.0)) as server, provider(server) as one:
        assert (await one.get("/Users")).status_code == 200
        async with writing(server.storage, "acme/one"):
            answer = await one.post("/Users", json={"userName": "late"})
            assert_scim_error(answer, 503)
            assert answer.headers["retry-after"].isdecimal()
        assert (await one.get("/Users")).json()["totalResults"] == 0
        assert (await one.post("/Users", json={"userName": "late"})).status_code == 201
        assert refusals(server, "slow_work") == 1


@pytest.mark.parametrize("proxies", [("10.0.0.0/8", "nonsense"), ("10.0.0.1/8",)])
async def test_proxies_that_are_no_addresses(tmp_path: Path, proxies: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=r"does not appear to be|has host bits set"):
        async with limited(tmp_path, proxies):
            pass
