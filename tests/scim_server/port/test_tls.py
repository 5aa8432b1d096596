"""TLS on both ports: what clients see of it, certificates that are replaced, and strangers."""

import asyncio
import functools
import logging
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvloop
from cryptography import x509

from scim_server.app import Server, ServerSettings
from scim_server.http.connections import ConnectionLimits
from tests.control_plane.certificates import CertificateAuthority, KeyPair
from tests.scim_server.http.running import refusals, running
from tests.support.mounts import mount
from tests.support.serving import MANAGEMENT_HEADERS, MANAGEMENT_TOKEN, Connection, bundle_of

pytestmark = pytest.mark.databases("sqlite")  # nothing here depends on what is stored

OKTA = Connection()
AUTHORITY = CertificateAuthority()
TRUST = ssl.create_default_context(cadata=AUTHORITY.certificate.decode())


def on_uvloop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """The command's event loop: the standard library's has another implementation of TLS."""

    @functools.wraps(test)
    def run(*arguments: Any, **named: Any) -> None:
        uvloop.run(test(*arguments, **named))

    return run


def issue() -> KeyPair:
    return AUTHORITY.issue_server(("localhost",), ("127.0.0.1",))


def put(directory: Path, pair: KeyPair, *, key: bytes | None = None) -> None:
    """As the kubelet mounts a Secret of type kubernetes.io/tls."""
    mount(directory, {"tls.crt": pair.certificate, "tls.key": key or pair.key})


@asynccontextmanager
async def serving(directory: Path, **settings: Any) -> AsyncIterator[Server]:
    certificate = directory / "tls"
    if not certificate.exists():
        put(certificate, issue())
    files = {"cert": certificate / "tls.crt", "key": certificate / "tls.key"}
    token = directory / "token"
    token.write_text(MANAGEMENT_TOKEN)
    async with running(
        directory,
        bundle_of(OKTA),
        management_port=0,
        management_token_file=token,
        **{f"tls_{name}": path for name, path in files.items()},
        **{f"management_tls_{name}": path for name, path in files.items()},
        **settings,
    ) as server:
        yield server


def client(url: str, **headers: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=url, headers=headers, verify=TRUST, trust_env=False, timeout=30)


async def shown_certificate(url: str) -> bytes:
    """What a new connection is shown, PEM."""
    host, _, port = url.removeprefix("https://").rpartition(":")
    _, writer = await asyncio.open_connection(host, int(port), ssl=TRUST)
    shown = peer_of(writer.get_extra_info("ssl_object"))
    writer.close()
    return shown


def peer_of(connection: ssl.SSLObject) -> bytes:
    """Its certificate, PEM."""
    shown = connection.getpeercert(binary_form=True)
    assert shown is not None
    return ssl.DER_cert_to_PEM_cert(shown).encode()


def sample(server: Server, name: str, port: str) -> float | None:
    return server.metrics.registry.get_sample_value(name, {"port": port})


@on_uvloop
async def test_certificates_are_replaced_under_requests(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    first, second, third = issue(), issue(), issue()
    put(tmp_path / "tls", first)
    provision = {"Authorization": f"Bearer {OKTA.token('provision')}"}
    async with (
        serving(tmp_path) as server,
        client(server.url + OKTA.path, **provision) as provider,
        client(server.management_url, **MANAGEMENT_HEADERS) as operator,
    ):
        created = await provider.post("/Users", json={"userName": "ada", "title": "x" * 60_000})
        assert created.headers["location"].startswith(f"{server.url}/acme/okta/")
        assert (await operator.get("/v1/status")).status_code == 200

        put(tmp_path / "tls", second)
        for url in (server.url, server.management_url):
            assert await shown_certificate(url) == second.certificate

        # A key of another certificate, then half a file: what was there before goes on.
        put(tmp_path / "tls", third, key=first.key)
        assert await shown_certificate(server.url) == second.certificate
        assert sample(server, "scim_tls_certificate_broken", "public") == 1
        put(tmp_path / "tls", KeyPair(third.key, third.certificate[:100]))
        assert await shown_certificate(server.url) == second.certificate
        assert await shown_certificate(server.url) == second.certificate
        put(tmp_path / "tls", third, key=third.key[:100])
        assert await shown_certificate(server.url) == second.certificate
        assert sample(server, "scim_tls_certificate_broken", "public") == 1
        lines = [each.getMessage() for each in caplog.records if each.levelno == logging.ERROR]
        of_public = [line for line in lines if line.startswith("the certificate of the public port: ")]
        said = ("isn't the key", "a certificate in PEM is expected", "a private key in PEM, without a password, is")
        assert [words in line for words, line in zip(said, of_public, strict=True)] == [True] * 3

        put(tmp_path / "tls", third)
        assert await shown_certificate(server.url) == third.certificate
        expiry = x509.load_pem_x509_certificate(third.certificate).not_valid_after_utc.timestamp()
        for port in ("public", "management"):
            assert sample(server, "scim_tls_certificate_broken", port) == 0
            assert sample(server, "scim_tls_certificate_expiry_timestamp_seconds", port) == expiry

        # The connections of before are still open, and used.
        for answer in (await provider.get("/Users"), await operator.get("/v1/status")):
            assert answer.status_code == 200
            assert peer_of(answer.extensions["network_stream"].get_extra_info("ssl_object")) == first.certificate


@on_uvloop
async def test_only_modern_tls_and_http_1_1(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        host, _, port = server.url.removeprefix("https://").rpartition(":")
        modern = ssl.create_default_context(cadata=AUTHORITY.certificate.decode())
        modern.set_alpn_protocols(["h2", "http/1.1"])
        _, writer = await asyncio.open_connection(host, int(port), ssl=modern)
        agreed = writer.get_extra_info("ssl_object")
        assert (agreed.version(), agreed.selected_alpn_protocol()) == ("TLSv1.3", "http/1.1")
        writer.close()
        old = ssl.create_default_context(cadata=AUTHORITY.certificate.decode())
        old.maximum_version = ssl.TLSVersion.TLSv1_2
        old.set_ciphers("ECDHE-ECDSA-AES128-SHA256")  # CBC
        with pytest.raises(OSError):  # noqa: PT011 - an alert, or the end of the connection
            await asyncio.open_connection(host, int(port), ssl=old)


@on_uvloop
async def test_plain_http_is_told_what_is_wrong(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        for url in (server.url, server.management_url):
            async with client(url.replace("https://", "http://")) as plain:
                answer = await plain.post("/acme/okta/scim/v2/Users", json={"userName": "ada"})
            assert (answer.status_code, "HTTPS" in answer.json()["detail"]) == (400, True)
        assert refusals(server, "plain_http") == 2


@pytest.mark.parametrize("sent", [b"", b"\x16\x03\x01\x02\x00\x01"], ids=["nothing", "half a hello"])
@on_uvloop
async def test_a_handshake_that_creeps_is_cut_off(tmp_path: Path, sent: bytes) -> None:
    async with serving(tmp_path, connections=ConnectionLimits(head_seconds=0.2)) as server:
        reader, writer = await stranger(server.url, sent)
        assert await reader.read() == b""
        assert refusals(server, "slow_handshake") == 1
        writer.close()


@on_uvloop
async def test_strangers_that_say_nothing_keep_nobody_out(tmp_path: Path) -> None:
    most = 3
    async with serving(tmp_path, connections=ConnectionLimits(most=most)) as server:
        strangers = [await stranger(server.url, sent) for sent in (b"", b"\x16\x03\x01\x02\x00\x01") * most]
        async with client(server.url + OKTA.path, Authorization=f"Bearer {OKTA.token('read')}") as provider:
            assert (await provider.get("/Users")).status_code == 200
        ended = 2 * most + 1 - most  # all but as many as may be under way; the provider's own was one
        for reader, _ in strangers[:ended]:
            assert await reader.read() == b""
        assert refusals(server, "connections") == ended
        for _, writer in strangers:
            writer.close()


@on_uvloop
async def test_an_idle_client_that_reads_nothing_does_not_keep_the_server_from_ending(tmp_path: Path) -> None:
    async with asyncio.timeout(45):  # less than the server gives requests, or a client to end a connection
        async with serving(tmp_path, drain_seconds=60) as server:
            host, _, port = server.url.removeprefix("https://").rpartition(":")
            reader, writer = await asyncio.open_connection(host, int(port), ssl=TRUST)
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            await reader.readuntil(b"\r\n\r\n")
            writer.transport.pause_reading()  # type: ignore[attr-defined]
        writer.transport.abort()


async def stranger(url: str, sent: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, _, port = url.removeprefix("https://").rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(sent)
    return reader, writer


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"management_host": "0.0.0.0"}, "the management port at 0.0.0.0"),
        ({"tls_cert": Path("x")}, "a certificate and its key"),
        ({"tls_cert": Path("/no/such"), "tls_key": Path("x")}, "/no/such: No such file"),
        ({"tls_cert": Path(__file__), "tls_key": Path(__file__)}, "a certificate in PEM is expected"),
    ],
)
def test_settings_that_make_no_sense(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Server(ServerSettings("sqlite:///scim.db", **settings))
