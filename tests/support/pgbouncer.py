"""A real PgBouncer in transaction mode, in front of a PostgreSQL of the tests."""

import os
import pwd
import subprocess
from pathlib import Path

from tests.control_plane.certificates import KeyPair
from tests.support.debian import program
from tests.support.postgres import PostgresServer
from tests.support.processes import free_port, kill_process, start_process, wait_until

_PORT = 6432
_INI = """
[databases]
* = host={sockets}

[pgbouncer]
listen_addr = {address}
listen_port = {port}
unix_socket_dir = {directory}
auth_type = {auth}
auth_file = {directory}/users
pool_mode = transaction
; Each transaction runs on another session than the one before, where there are several.
server_round_robin = 1
default_pool_size = 20
{settings}
"""


class PgBouncer:
    """In front of all databases of `postgres`, by a Unix socket, and by TCP with TLS when asked.

    `tls`: its certificate, and the authority that clients need a certificate of, where they do. `settings` are
    further lines of its file.
    """

    def __init__(
        self,
        directory: Path,
        postgres: PostgresServer,
        settings: str = "",
        tls: tuple[KeyPair, bytes | None] | None = None,
    ) -> None:
        directory.mkdir()
        self._directory = directory
        self.port = _PORT if tls is None else free_port()
        self._account = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
        by_certificate = False
        if tls is not None:
            own, authority = tls
            by_certificate = authority is not None
            files = {"key": own.key, "cert": own.certificate, "ca": authority or own.certificate}
            settings += f"\nclient_tls_sslmode = {'verify-full' if by_certificate else 'require'}"
            for name, content in files.items():
                (directory / name).write_bytes(content)
                settings += f"\nclient_tls_{name}_file = {directory / name}"
        self._ini = directory / "pgbouncer.ini"
        self._ini.write_text(
            _INI.format(
                sockets=postgres.sockets,
                address="" if tls is None else "127.0.0.1",
                port=self.port,
                directory=directory,
                auth="cert" if by_certificate else "trust",
                settings=settings,
            )
        )
        (directory / "users").write_text('"postgres" ""\n')
        if self._account:
            for path in (directory, *directory.iterdir()):
                os.chown(path, self._account.pw_uid, self._account.pw_gid)
        self.log = directory / "pgbouncer.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = start_process(
            [program("pgbouncer"), self._ini],
            log=self.log,
            user=self._account.pw_uid if self._account else None,
            group=self._account.pw_gid if self._account else None,
        )
        socket = self._directory / f".s.PGSQL.{self.port}"
        wait_until(socket.exists, seconds=60, what="PgBouncer", process=self._process, log=self.log)

    def stop(self) -> None:
        if self._process is not None:
            kill_process(self._process)
            self._process = None

    def dsn(self, database: str) -> str:
        return f"postgresql://postgres@/{database}?host={self._directory}&port={self.port}"
