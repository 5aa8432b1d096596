"""Proxies before the server: TLS and HTTP/2 to the client, TLS to the server, and everything that providers send."""

import asyncio
import sqlite3
import ssl
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.control_plane.certificates import CertificateAuthority
from tests.providers import test_scenarios
from tests.providers.aws_style import test_chunks
from tests.providers.entra_id import test_repeats_in_parallel
from tests.providers.okta import test_import
from tests.providers.scenario import play, read, scenarios
from tests.proxies.programs import SERVICE, Proxy
from tests.support.migrated import make_sqlite
from tests.support.server_process import ServerProcess
from tests.support.serving import Connection, bundle_of

pytestmark = pytest.mark.xdist_group("proxies")  # for which the server and both proxies start once

SCENARIOS = scenarios(Path(test_scenarios.__file__).parent)
KINDS = ("nginx", "haproxy")
AUTHORITY = CertificateAuthority()
TRUST = ssl.create_default_context(cadata=AUTHORITY.certificate.decode())
MIB = 1 << 20


def tenant(kind: str, name: str) -> Connection:
    """A tenant for each test: they share the server."""
    return Connection(f"{kind}/{name.replace('_', '-')}")


def name_of(scenario: Path) -> str:
    return f"{scenario.parent.name}-{scenario.stem}"


MANY_REQUESTS: dict[str, Callable[[httpx.AsyncClient, httpx.AsyncClient], Awaitable[None]]] = {
    "import": lambda provider, _: test_import.test_everybody_is_seen_once_and_in_one_order(provider),
    "repeats": test_repeats_in_parallel.test_every_request,
    "chunks": test_chunks.test_chunks_in_parallel,
}
"""Of the suites those that are more than a scenario, and need no settings of their own."""
OTHERS = (*MANY_REQUESTS, "bodies", "slow", "addresses", "offers")
TENANTS = [tenant(kind, name) for kind in KINDS for name in (*map(name_of, SCENARIOS), *OTHERS)]


@dataclass
class Installation:
    database: Path
    proxies: dict[str, Proxy]


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    directory = tmp_path_factory.mktemp("proxies")
    shown = AUTHORITY.issue_server((SERVICE,), ())
    certificate, key, database = directory / "tls.crt", directory / "tls.key", directory / "scim.db"
    certificate.write_bytes(shown.certificate)
    key.write_bytes(shown.key)
    options = {"SCIM_TLS_CERT": certificate, "SCIM_TLS_KEY": key, "SCIM_TRUSTED_PROXIES": "127.0.0.1"}
    environment = {name: str(value) for name, value in options.items()}
    server = ServerProcess(directory / "server", make_sqlite(database), bundle_of(*TENANTS), environment)
    server.start()
    url = server.url.replace("http://", "https://")
    proxies = {kind: Proxy(kind, directory / kind, url, AUTHORITY) for kind in KINDS}
    for proxy in proxies.values():
        proxy.start()
    yield Installation(database, proxies)
    for proxy in proxies.values():
        proxy.stop()
    server.kill()


@pytest.fixture(params=KINDS)
def proxy(request: pytest.FixtureRequest, installation: Installation) -> Proxy:
    return installation.proxies[request.param]


def client(
    proxy: Proxy, connection: Connection, credential: str = "provision", *, http2: bool = True, **more: Any
) -> httpx.AsyncClient:
    transport = httpx.AsyncHTTPTransport(verify=TRUST, http1=not http2, http2=http2, **more)
    return httpx.AsyncClient(
        transport=transport,
        base_url=proxy.url + connection.path,
        headers={"Authorization": f"Bearer {connection.token(credential)}"},
        timeout=60,
    )


@pytest.mark.parametrize("scenario", SCENARIOS, ids=name_of)
async def test_what_providers_send(scenario: Path, proxy: Proxy) -> None:
    connection = tenant(proxy.name, name_of(scenario))
    async with client(proxy, connection) as provider, client(proxy, connection, "read") as application:
        assert (await application.get("/ServiceProviderConfig")).http_version == "HTTP/2"
        await play(read(scenario), provider, application)


@pytest.mark.parametrize("suite", MANY_REQUESTS)
async def test_many_requests_of_providers(suite: str, proxy: Proxy) -> None:
    connection = tenant(proxy.name, suite)
    async with client(proxy, connection) as provider, client(proxy, connection, "read") as application:
        await MANY_REQUESTS[suite](provider, application)


async def test_large_bodies_and_answers(proxy: Proxy) -> None:
    async with client(proxy, tenant(proxy.name, "bodies")) as provider:
        user = '{"userName": "ada", "title": "Countess"}' + " " * 5 * MIB
        created = await provider.post("/Users", content=user, headers={"Content-Type": "application/scim+json"})
        assert (created.status_code, created.json()["userName"]) == (201, "ada")
        assert created.headers["location"].startswith(f"{proxy.url}/{proxy.name}/bodies/scim/v2/Users/")
        assert created.json()["meta"]["location"] == created.headers["location"]
        operations = [
            {
                "method": "POST",
                "path": "/Users",
                "bulkId": str(n),
                "data": {"userName": f"x{n}", "title": "y" * 60_000},
            }
            for n in range(20)
        ]
        done = await provider.post("/Bulk", json={"Operations": operations})
        assert {each["status"] for each in done.json()["Operations"]} == {"201"}
        listed = await provider.get("/Users", params={"count": 100})
        assert (len(listed.content) > MIB, listed.json()["totalResults"]) == (True, 21)
        # More than what the proxies take of a head by default.
        selected = ",".join(["userName"] * 1500)
        found = await provider.get("/Users", params={"attributes": selected}, headers={"X-Large": "z" * 30_000})
        assert (found.status_code, found.json()["totalResults"]) == (200, 21)


async def test_an_answer_that_takes_its_time(proxy: Proxy, installation: Installation) -> None:
    lock = sqlite3.connect(installation.database)
    lock.execute("BEGIN EXCLUSIVE")
    async with client(proxy, tenant(proxy.name, "slow")) as provider:
        waiting = asyncio.create_task(provider.post("/Users", json={"userName": "ada"}))
        done, _ = await asyncio.wait({waiting}, timeout=2)
        assert not done
        lock.rollback()
        assert (await waiting).status_code == 201
    lock.close()


async def test_failures_count_by_the_address_that_the_proxy_saw(proxy: Proxy) -> None:
    connection = tenant(proxy.name, "addresses")
    # Addresses of this machine that aren't the proxy's, others for each proxy: they share the server.
    guesser, honest = (f"127.0.{KINDS.index(proxy.name) + 1}.{number}" for number in (1, 2))
    async with (
        client(proxy, connection, local_address=guesser) as one,
        client(proxy, connection, local_address=honest) as other,
    ):
        guesses: list[int] = []
        while 429 not in guesses and len(guesses) < 200:  # one more is allowed every three seconds
            # What a client says itself of whom it stands for counts for nothing.
            guess = {"Authorization": "Bearer x", "X-Forwarded-For": f"192.0.2.{len(guesses)}"}
            guesses.append((await one.get("/Users", headers=guess)).status_code)
        assert (guesses[:20], guesses[-1]) == ([401] * 20, 429)
        assert (await other.get("/Users", headers={"Authorization": "Bearer x"})).status_code == 401
        assert (await one.get("/Users")).status_code == 200


async def test_a_client_that_offers_h2c(proxy: Proxy) -> None:
    offer = {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2-Settings": "AAMAAABkAAQAAP__"}
    async with client(proxy, tenant(proxy.name, "offers"), http2=False) as provider:
        for name in ("ada", "grace"):
            created = await provider.post("/Users", json={"userName": name}, headers=offer)
            assert (created.status_code, created.http_version) == (201, "HTTP/1.1")
        assert (await provider.get("/Users", headers=offer)).json()["totalResults"] == 2
