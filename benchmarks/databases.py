"""The databases that are measured: both keep every commit on the disk before it is answered."""

from pathlib import Path
from typing import Protocol

from tests.support.postgres import PostgresServer


class Database(Protocol):
    name: str

    def create(self) -> str:
        """An empty database of its own; returns its URL, as `scim-server --database` takes it."""
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

    def settle(self, url: str) -> None:
        pass

    def stop(self) -> None:
        pass
