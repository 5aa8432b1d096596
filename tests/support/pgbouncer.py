"""A real PgBouncer in transaction mode, in front of a PostgreSQL of the tests."""

import os
import pwd
import subprocess
from pathlib import Path

from tests.support.debian import program
from tests.support.postgres import PostgresServer
from tests.support.processes import kill_process, start_process, wait_until

_PORT = 6432
_INI = """
[databases]
* = host={sockets}

[pgbouncer]
listen_addr =
listen_port = {port}
unix_socket_dir = {directory}
auth_type = trust
auth_file = {directory}/users
pool_mode = transaction
; Each transaction runs on another session than the one before, where there are several.
server_round_robin = 1
default_pool_size = 20
{settings}
"""


class PgBouncer:
    """In front of all databases of `postgres`. `settings` are further lines of its file."""

    def __init__(self, directory: Path, postgres: PostgresServer, settings: str = "") -> None:
        directory.mkdir()
        self._directory = directory
        self._account = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
        if self._account:
            os.chown(directory, self._account.pw_uid, self._account.pw_gid)
        self._ini = directory / "pgbouncer.ini"
        self._ini.write_text(
            _INI.format(sockets=postgres.sockets, port=_PORT, directory=directory, settings=settings)
        )
        (directory / "users").write_text('"postgres" ""\n')
        self.log = directory / "pgbouncer.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = start_process(
            [program("pgbouncer"), self._ini],
            log=self.log,
            user=self._account.pw_uid if self._account else None,
            group=self._account.pw_gid if self._account else None,
        )
        socket = self._directory / f".s.PGSQL.{_PORT}"
        wait_until(socket.exists, seconds=60, what="PgBouncer", process=self._process, log=self.log)

    def stop(self) -> None:
        if self._process is not None:
            kill_process(self._process)
            self._process = None

    def dsn(self, database: str) -> str:
        return f"postgresql://postgres@/{database}?host={self._directory}&port={_PORT}"
