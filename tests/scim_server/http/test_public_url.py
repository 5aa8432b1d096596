"""Which URL the server shows of itself."""

import asyncio
from pathlib import Path

import pytest

from scim_server.app import Server, ServerSettings
from tests.support.serving import Connection, bundle_of, client_of

pytestmark = pytest.mark.databases("sqlite")  # nothing here depends on what is stored

FORWARDED = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "scim.example.com"}


async def location(tmp_path: Path, headers: dict[str, str], **settings: object) -> tuple[str, str]:
    """The base of `Location`, and of the server as it was reached."""
    connection = Connection()
    database = f"sqlite:///{tmp_path}/scim.db"
    async with Server(ServerSettings(database=database, port=0, management_port=None, **settings)) as server:  # type: ignore[arg-type]
        await server.intake.offer(bundle_of(connection), "test")
        async with client_of(server.url, connection) as provider:
            answer = await provider.post("/Users", json={"userName": "ada@acme.com"}, headers=headers)
            assert answer.json()["meta"]["location"] == answer.headers["location"]
            return answer.headers["location"].partition(connection.path)[0], server.url


@pytest.mark.parametrize("configured", ["https://scim.acme.com", "https://scim.acme.com:8443/idp/"])
async def test_the_configured_url_wins(tmp_path: Path, configured: str) -> None:
    shown, _ = await location(tmp_path, FORWARDED, public_url=configured)
    assert shown == configured.rstrip("/")


def test_what_is_no_url_is_refused(tmp_path: Path) -> None:
    for wrong in (
        "",
        "scim.acme.com",
        "ftp://scim.acme.com",
        "https://",
        "https://a b",
        "https://a/?b",
        "https://a@b",
    ):
        with pytest.raises(ValueError, match="https://HOST is expected"):
            Server(ServerSettings(database=f"sqlite:///{tmp_path}/scim.db", public_url=wrong))


@pytest.mark.parametrize("proxies", [("127.0.0.1",), ("10.0.0.0/8", "127.0.0.0/8")])
async def test_a_trusted_proxy_is_believed(tmp_path: Path, proxies: tuple[str, ...]) -> None:
    shown, _ = await location(tmp_path, FORWARDED, trusted_proxies=proxies)
    assert shown == "https://scim.example.com"


async def test_the_nearest_proxy_has_the_last_word(tmp_path: Path) -> None:
    said = {"X-Forwarded-Proto": "http, https", "X-Forwarded-Host": "evil.example, scim.example.com"}
    shown, _ = await location(tmp_path, said, trusted_proxies=("127.0.0.1",))
    assert shown == "https://scim.example.com"


@pytest.mark.parametrize("wrong", ["evil.example/x", "a@b", "scim.example.com, evil/", ""])
async def test_a_proxy_that_says_nonsense_names_no_host(tmp_path: Path, wrong: str) -> None:
    shown, reached = await location(tmp_path, {"X-Forwarded-Host": wrong}, trusted_proxies=("127.0.0.1",))
    assert shown == reached


async def test_the_standard_header_of_proxies_is_not_read(tmp_path: Path) -> None:
    said = {"Forwarded": "for=203.0.113.9;proto=https;host=scim.example.com"}
    shown, reached = await location(tmp_path, said, trusted_proxies=("127.0.0.1",))
    assert shown == reached


async def test_strangers_are_not_believed(tmp_path: Path) -> None:
    shown, reached = await location(tmp_path, FORWARDED, trusted_proxies=("10.0.0.0/8",))
    assert shown == reached


async def ask(server: Server, version: str, *hosts: str) -> str:
    """The answer to a request with these `Host` headers, as it comes."""
    connection = Connection()
    lines = [
        f"GET {connection.path}/ServiceProviderConfig HTTP/{version}",
        *(f"Host: {host}".strip() for host in hosts),
        f"Authorization: Bearer {connection.token('provision')}",
        "Connection: close",
    ]
    reader, writer = await asyncio.open_connection("127.0.0.1", int(server.url.rpartition(":")[2]))
    writer.write("\r\n".join([*lines, "", ""]).encode())
    answer = (await reader.read()).decode()
    writer.close()
    return answer


@pytest.mark.parametrize(
    ("version", "hosts"),
    [
        ("1.1", ()),
        ("1.1", ("a", "b")),
        ("1.1", ("a", "a")),
        ("1.1", ("a, b",)),
        ("1.0", ("a", "b")),
        *(("1.1", (host,)) for host in ('evil"><script>', "a b", "a/b", "a@b", "a:b", "a:123456", "a" * 256)),
    ],
)
async def test_a_request_names_one_host(server: Server, version: str, hosts: tuple[str, ...]) -> None:
    answer = await ask(server, version, *hosts)
    assert answer.startswith("HTTP/1.1 400 ")
    assert "content-type: application/scim+json" in answer
    assert '"status":"400","detail":"one header Host' in answer


@pytest.mark.parametrize(
    ("version", "hosts", "shown"),
    [
        ("1.1", ("scim.acme.com",), "http://scim.acme.com/"),
        ("1.1", ("scim_1.acme.com:8080",), "http://scim_1.acme.com:8080/"),
        ("1.1", ("[::1]:8080",), "http://[::1]:8080/"),
        ("1.1", ("",), "http://127.0.0.1:"),
        ("1.0", (), "http://127.0.0.1:"),
    ],
)
async def test_a_host_that_is_shown(server: Server, version: str, hosts: tuple[str, ...], shown: str) -> None:
    answer = await ask(server, version, *hosts)
    assert answer.startswith("HTTP/1.1 200 ")
    assert f'"location":"{shown}' in answer
