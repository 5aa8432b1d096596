"""The databases that are measured: both keep every commit on the disk before it is answered."""

import sqlite3
import uuid
from contextlib import closing
from pathlib import Path
from typing import Protocol

from scim_server.storage.urls import sqlite_path
from tests.support.postgres import PostgresServer


class Database(Protocol):
    name: str

    def create(self) -> str:
        """An empty database of its own; returns its URL, as `scim-server --database` takes it."""
        ...

    def copy(self, url: str) -> str:
        """Another database with the same content; returns its URL. Sessions of the first one are ended."""
        ...

    def settle(self, url: str) -> None:
        """After rows were loaded: statistics are made, and what would be written later is written."""
        ...

    def stop(self) -> None: ...


class PostgreSQL:
    """A server of its own with fsync, and room in memory for what is measured."""

    name = "PostgreSQL"

    def __init__(self, directory: Path) -> None:
        self._server = PostgresServer(directory / "postgres", durable=True, settings={"shared_buffers": "512MB"})
        self._server.start()
        self._names: dict[str, str] = {}

    def create(self) -> str:
        name = self._server.create_database()
        url = self._server.dsn(name)
        self._names[url] = name
        return url

    def copy(self, url: str) -> str:
        name, copy = self._names[url], f"copy_{uuid.uuid4().hex}"
        self._server.psql(f"SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = '{name}'")
        self._server.psql(f'CREATE DATABASE "{copy}" TEMPLATE "{name}"')
        self._names[self._server.dsn(copy)] = copy
        return self._server.dsn(copy)

    def settle(self, url: str) -> None:
        self._server.psql("VACUUM ANALYZE", self._names[url])
        self._server.psql("CHECKPOINT", self._names[url])

    def stop(self) -> None:
        self._server.stop()


class Sqlite:
    """A file for each database."""

    name = "SQLite"

    def __init__(self, directory: Path) -> None:
        self._directory = directory / "sqlite"
        self._directory.mkdir()
        self._made = 0

    def create(self) -> str:
        self._made += 1
        return f"sqlite:///{self._directory}/{self._made}.db"

    def copy(self, url: str) -> str:
        copy = self.create()
        with (
            closing(sqlite3.connect(sqlite_path(url))) as source,
            closing(sqlite3.connect(sqlite_path(copy))) as target,
        ):
            source.backup(target)
        return copy

    def settle(self, url: str) -> None:
        pass

    def stop(self) -> None:
        pass
