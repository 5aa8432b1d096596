"""What SQLite's planner is told of each index: the rows of `sqlite_stat1` that migrations write."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.storages import open_storage


@pytest.fixture
async def database(tmp_path: Path) -> Path:
    path = tmp_path / "scim.db"
    storage = open_storage(f"sqlite:///{path}")
    await storage.open()
    await storage.close()
    return path


def _indexes(connection: sqlite3.Connection) -> dict[tuple[str, str], int]:
    """Of each index, by table and by the name that `sqlite_stat1` knows it by, the number of columns."""
    tables = connection.execute("SELECT name, wr FROM pragma_table_list WHERE schema = 'main' AND type = 'table'")
    found = {}
    for table, without_rowid in tables.fetchall():
        for _, index, _, origin, _ in connection.execute(f"PRAGMA index_list({table})").fetchall():
            # The primary key of a table without rowids is the table.
            name = table if without_rowid and origin == "pk" else index
            found[table, name] = len(connection.execute(f"PRAGMA index_info({index})").fetchall())
    return found


async def test_each_index_has_statistics_and_each_row_of_them_an_index(database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection:
        indexes = _indexes(connection)
        rows = connection.execute("SELECT tbl, idx, stat FROM sqlite_stat1").fetchall()
    told = {(table, index): [int(number) for number in stat.split()] for table, index, stat in rows}
    assert len(told) == len(rows)
    assert told.keys() == indexes.keys()
    for index, numbers in told.items():
        assert len(numbers) == indexes[index] + 1, index
        # All rows, then those that are alike in the first column, in the first two, …
        assert numbers == sorted(numbers, reverse=True), index
