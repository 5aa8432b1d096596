"""`python -m tests.upgrade NAME`: see the package."""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from tests.support.postgres import PostgresServer
from tests.support.temporary import RunDirectory
from tests.upgrade.answers import ask_all
from tests.upgrade.database import Database, PostgresDatabase, SqliteDatabase
from tests.upgrade.filling import fill, serving
from tests.upgrade.stored import NAMES, Filled
from tests.upgrade.tenants import LAST_REVISION


@contextmanager
def _databases() -> Iterator[list[tuple[Database, Database]]]:
    """Of each kind two empty ones: to fill, and to answer from what was filled."""
    run_directory = RunDirectory()
    server = PostgresServer(run_directory.path / "postgres")
    server.start()
    try:
        postgres = [PostgresDatabase(server, server.create_database()) for _ in range(2)]
        sqlite = [SqliteDatabase(run_directory.path / f"{number}.db") for number in range(2)]
        yield [(postgres[0], postgres[1]), (sqlite[0], sqlite[1])]
    finally:
        server.stop()
        run_directory.remove()


async def _make(empty: Database, other: Database) -> Filled:
    await fill(empty)
    at, dump = datetime.now(UTC), empty.dump()
    other.load(dump)
    async with serving(other, LAST_REVISION) as server:
        return Filled(at, dump, await ask_all(server, at))


def main(name: str) -> None:
    if name in NAMES:
        sys.exit(f"{name} is there already: what an earlier server made stays as it is")
    with _databases() as databases:
        for empty, other in databases:
            asyncio.run(_make(empty, other)).write(name, empty.kind)
            print(f"{name}: {empty.kind}")


if __name__ == "__main__":
    main(*sys.argv[1:])
