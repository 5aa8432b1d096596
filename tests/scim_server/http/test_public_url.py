"""Which URL the server shows of itself."""

from pathlib import Path

import pytest

from scim_server.app import Server, ServerSettings
from tests.support.serving import Connection, bundle_of, client_of

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


async def test_the_configured_url_wins(tmp_path: Path) -> None:
    shown, _ = await location(tmp_path, FORWARDED, public_url="https://scim.acme.com/")
    assert shown == "https://scim.acme.com"


@pytest.mark.parametrize("proxies", [("127.0.0.1",), ("10.0.0.0/8", "127.0.0.0/8")])
async def test_a_trusted_proxy_is_believed(tmp_path: Path, proxies: tuple[str, ...]) -> None:
    shown, _ = await location(tmp_path, FORWARDED, trusted_proxies=proxies)
    assert shown == "https://scim.example.com"


async def test_strangers_are_not_believed(tmp_path: Path) -> None:
    shown, reached = await location(tmp_path, FORWARDED, trusted_proxies=("10.0.0.0/8",))
    assert shown == reached


@pytest.mark.parametrize("host", ['evil"><script>', "a b", "a/b", "a@b"])
async def test_a_host_that_is_none_is_not_repeated(tmp_path: Path, host: str) -> None:
    shown, reached = await location(tmp_path, {"Host": host})
    assert shown == reached
