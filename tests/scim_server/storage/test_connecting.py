"""Connections that PostgreSQL takes only from the right client: TLS, passwords that change, several hosts."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from scim_server import changes
from scim_server.storage import open_storage
from scim_server.storage.credential_files import CredentialFiles
from scim_server.storage.errors import StorageUnavailable, StorageUnusable
from scim_server.storage.protocol import Storage
from tests.control_plane.certificates import CertificateAuthority
from tests.support import storages
from tests.support.pgbouncer import PgBouncer
from tests.support.postgres import PostgresServer

_PASSWORDS = """
local all postgres trust
host all all 127.0.0.1/32 scram-sha-256
"""


@dataclass(frozen=True)
class Certificates:
    """Names of files."""

    ca: Path
    other_ca: Path
    client: Path
    client_key: Path


@dataclass(frozen=True)
class TlsPorts:
    any_client: int
    with_certificate: int


@pytest.fixture(scope="module")
def authority() -> CertificateAuthority:
    return CertificateAuthority()


@pytest.fixture(scope="module")
def certificates(authority: CertificateAuthority, tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    folder = tmp_path_factory.mktemp("certificates")
    client = authority.issue_user("postgres", [])
    return Certificates(
        _written(folder / "ca.crt", authority.certificate),
        _written(folder / "other.crt", CertificateAuthority().certificate),
        _written(folder / "client.crt", client.certificate),
        _written(folder / "client.key", client.key),
    )


@pytest.fixture(scope="module")
def tls_ports(
    postgres_server: PostgresServer, authority: CertificateAuthority, run_directory: Path
) -> Iterator[TlsPorts]:
    """PgBouncer's: the PostgreSQL of the tests is built without TLS."""
    own = authority.issue_server([], ["127.0.0.1"])
    started = [
        PgBouncer(run_directory / f"tls-{number}", postgres_server, tls=(own, clients))
        for number, clients in enumerate((None, authority.certificate))
    ]
    for pooler in started:
        pooler.start()
    yield TlsPorts(*(pooler.port for pooler in started))
    for pooler in started:
        pooler.stop()


def _written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


async def test_tls(tls_ports: TlsPorts, certificates: Certificates) -> None:
    ca = f"sslrootcert={certificates.ca}"
    pair = f"sslcert={certificates.client}&sslkey={certificates.client_key}"
    for port, settings in (
        (tls_ports.any_client, "sslmode=require"),
        (tls_ports.any_client, f"sslmode=verify-full&{ca}"),
        (tls_ports.with_certificate, f"sslmode=verify-full&{ca}&{pair}"),
    ):
        storage = storages.open_storage(f"postgresql://postgres@127.0.0.1:{port}/postgres?{settings}")
        await storage.open()
        await storage.ping()
        await storage.close()


async def test_what_tls_refuses_is_told_once_in_words(
    tls_ports: TlsPorts, certificates: Certificates, tmp_path: Path
) -> None:
    text = _written(tmp_path / "text", b"no certificate")
    ca, client = f"sslrootcert={certificates.ca}", f"sslcert={certificates.client}"
    for port, host, settings, complaint in (
        (
            tls_ports.any_client,
            "127.0.0.1",
            f"verify-ca&sslrootcert={certificates.other_ca}",
            "its certificate is not",
        ),
        (
            tls_ports.any_client,
            "localhost",
            f"verify-full&{ca}",
            "its certificate is not accepted: Hostname mismatch",
        ),
        (0, "127.0.0.1", f"verify-full&sslrootcert={tmp_path}/none", "sslrootcert: .*none: No such file"),
        (0, "127.0.0.1", f"verify-full&sslrootcert={text}", "sslrootcert: .*text: PEM is expected"),
        (0, "127.0.0.1", f"require&{client}&sslkey={tmp_path}/none", "sslkey: .*none: No such file"),
        (0, "127.0.0.1", f"require&{client}&sslkey={text}", "sslcert: .*its key in .*text"),
    ):
        url = f"postgresql://postgres:s3cret@{host}:{port or 1}/postgres?sslmode={settings}"
        with pytest.raises(StorageUnusable, match=complaint) as raised:
            await storages.open_storage(url).open()
        assert "\n" not in str(raised.value)
        assert "s3cret" not in str(raised.value)


async def test_files_that_the_environment_names(
    tls_ports: TlsPorts, certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the chart does."""
    monkeypatch.setenv("PGSSLMODE", "verify-full")
    monkeypatch.setenv("PGSSLROOTCERT", str(certificates.ca))
    url = f"postgresql://postgres@127.0.0.1:{tls_ports.any_client}/postgres"
    storage = storages.open_storage(url)
    await storage.open()
    await storage.close()
    monkeypatch.setenv("PGSSLROOTCERT", "/nowhere/ca.crt")
    with pytest.raises(StorageUnusable, match=r"sslrootcert: /nowhere/ca\.crt: No such file"):
        await storages.open_storage(url).open()


async def test_a_server_without_tls_is_told_once() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(8)
        writer.write(b"N")  # as PostgreSQL answers the wish for TLS then
        await writer.drain()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(StorageUnusable, match="doesn't speak TLS"):
            await storages.open_storage(f"postgresql://app@127.0.0.1:{port}/scim?sslmode=require").open()


@dataclass(frozen=True)
class Secured:
    """A PostgreSQL that asks for the password of `app`."""

    server: PostgresServer

    def url(self, user: str = "app:first", database: str = "postgres") -> str:
        return f"postgresql://{user}@127.0.0.1:{self.server.tcp_port}/{database}"

    def set_password(self, password: str) -> None:
        """And end the sessions of before."""
        self.server.psql(f"ALTER ROLE app PASSWORD '{password}'")
        self.server.psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app'")


@pytest.fixture(scope="module")
def secured(run_directory: Path) -> Iterator[Secured]:
    server = PostgresServer(run_directory / "secured", tcp=True)
    server.allow(_PASSWORDS)
    server.start()
    server.psql("CREATE ROLE app SUPERUSER LOGIN PASSWORD 'first'")
    yield Secured(server)
    server.stop()


@pytest.mark.parametrize("kind", ["url", "password"])
async def test_a_password_is_replaced_without_a_restart(secured: Secured, tmp_path: Path, kind: str) -> None:
    file = tmp_path / kind

    def put(password: str) -> None:
        file.write_text(f"{secured.url(f'app:{password}') if kind == 'url' else password}\n")

    secured.set_password("first")
    put("wrong")
    files = CredentialFiles(url=file) if kind == "url" else CredentialFiles(password=file)
    storage = open_storage(secured.url("app"), changes.record, files=files)
    with pytest.raises(StorageUnavailable, match="password authentication failed"):  # it may come yet
        await storage.open()
    put("first")
    await storage.open()
    await storage.ping()

    secured.set_password("second")
    await _notice_the_end(storage)
    with pytest.raises(StorageUnavailable, match="password authentication failed"):
        await storage.ping()
    put("second")
    await storage.ping()
    file.unlink()
    await storage.ping()  # on the connection that is there
    secured.set_password("third")
    await _notice_the_end(storage)
    with pytest.raises(StorageUnavailable, match=f"{kind}: No such file"):
        await storage.ping()
    put("third")
    await storage.ping()
    await storage.close()


async def _notice_the_end(storage: Storage) -> None:
    """Of the session that was there: the next one needs the password."""
    with pytest.raises(StorageUnavailable):
        await storage.ping()


async def test_a_wrong_password_of_a_url_is_told_once(secured: Secured) -> None:
    with pytest.raises(StorageUnusable, match='password authentication failed for user "app"'):
        await storages.open_storage(secured.url("app:wrong")).open()


async def test_another_database_in_the_file_waits_for_a_restart(
    secured: Secured, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    secured.set_password("first")
    file = tmp_path / "url"
    file.write_text(secured.url())
    storage = open_storage(secured.url(), changes.record, files=CredentialFiles(url=file))
    await storage.open()
    file.write_text(secured.url(database="other"))
    await storage.ping()
    assert "names another database" in caplog.text
    assert "first" not in caplog.text
    await storage.close()


async def test_a_host_that_does_not_answer_is_passed_by(secured: Secured) -> None:
    secured.set_password("first")
    with closing(socket.socket()) as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(0)
        with closing(socket.create_connection(silent.getsockname())):  # its queue is full: it answers nobody
            port = silent.getsockname()[1]
            hosts = f"127.0.0.1:{port},127.0.0.1:{secured.server.tcp_port}"
            storage = storages.open_storage(f"postgresql://app:first@{hosts}/postgres")
            await storage.open()
            await storage.ping()
            await storage.close()


async def test_a_host_that_closes_connections_at_once_is_passed_by(secured: Secured) -> None:
    """A proxy or a pooler with nobody behind it."""
    secured.set_password("first")

    async def close(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with await asyncio.start_server(close, "127.0.0.1", 0) as proxy:
        port = proxy.sockets[0].getsockname()[1]
        hosts = f"127.0.0.1:{port},127.0.0.1:{secured.server.tcp_port}"
        storage = storages.open_storage(f"postgresql://app:first@{hosts}/postgres")
        await storage.open()
        await storage.ping()
        await storage.close()
