"""Users that are added at once: on SQLite they share transactions, and nobody may notice but for the speed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from sqlite3 import IntegrityError
from typing import Any

import pytest

from scim_server.storage import open_storage
from scim_server.storage.errors import StorageUnavailable, UserNameTaken
from scim_server.storage.protocol import NullObserver, Storage, Writer
from scim_server.storage.records import UserRecord
from scim_server.storage.sqlite import SqliteStorage
from scim_server.storage.sqlite.connection import Connection
from scim_server.storage.sqlite.insertions import Insertions
from tests.scim_server.storage.steps import Steps


def _user(name: str, **attributes: Any) -> dict[str, Any]:
    return {"userName": name, "active": True, "emails": [{"value": name}], **attributes}


async def _add(storage: Storage, tenant: str, *names: str) -> list[Any]:
    """At once; what became of each."""
    return await asyncio.gather(
        *(storage.insert_user(tenant, _user(name), True) for name in names), return_exceptions=True
    )


def _added(outcomes: list[Any]) -> set[str]:
    return {outcome.document["userName"] for outcome in outcomes if isinstance(outcome, UserRecord)}


async def test_all_that_are_added_at_once_are_there(storage: Storage, steps: Steps) -> None:
    names = [f"u{number}" for number in range(250)]
    outcomes = await _add(storage, steps.tenant, *names)
    assert _added(outcomes) == {*names}
    assert await steps.find_users("emails pr") == {*names}
    assert len({outcome.id for outcome in outcomes}) == 250


async def test_of_equal_names_one_is_added_and_the_others_are_told_which(storage: Storage, steps: Steps) -> None:
    outcomes = await _add(storage, steps.tenant, *(["ann", "bob", "ANN"] * 10))
    added = [outcome for outcome in outcomes if isinstance(outcome, UserRecord)]
    ids = {record.document["userName"].lower(): record.id for record in added}
    taken = [outcome.existing_id for outcome in outcomes if isinstance(outcome, UserNameTaken)]
    assert len(added) == len(ids) == 2
    assert sorted(taken) == sorted([ids["ann"]] * 19 + [ids["bob"]] * 9)


async def test_one_that_can_t_be_stored_is_no_matter_to_the_others(storage: Storage, steps: Steps) -> None:
    outcomes = await asyncio.gather(
        *(
            storage.insert_user(steps.tenant, _user(f"u{number}", title="\ud800" if number == 3 else "Dr"), True)
            for number in range(6)
        ),
        return_exceptions=True,
    )
    assert isinstance(outcomes[3], TypeError)
    assert _added(outcomes) == {"u0", "u1", "u2", "u4", "u5"} == await steps.find_users("emails pr")


async def test_who_gives_up_is_added_whole_or_not_at_all(storage: Storage, steps: Steps) -> None:
    kept: set[str] = set()
    for round_ in range(30):
        tasks = {f"u{round_}-{number}": number for number in range(6)}
        running = {name: asyncio.create_task(storage.insert_user(steps.tenant, _user(name), True)) for name in tasks}
        for _ in range(round_):
            await asyncio.sleep(0)
        for name, number in tasks.items():
            if number % 2:
                running[name].cancel()
            else:
                kept.add(name)
        ended = await asyncio.gather(*running.values(), return_exceptions=True)
        assert all(isinstance(each, UserRecord | asyncio.CancelledError) for each in ended)
    assert kept <= await steps.find_users("userName pr") == await steps.find_users("emails pr")


@pytest.fixture
async def sqlite(tmp_path: Path) -> AsyncIterator[SqliteStorage]:
    opened = SqliteStorage(tmp_path / "scim.db", patience=0.3)
    await opened.open()
    yield opened
    await opened.close()


async def test_who_is_cancelled_while_another_one_writes_adds_nothing(sqlite: SqliteStorage, tenant: str) -> None:
    writing, enough = asyncio.Event(), asyncio.Event()

    async def hold(writer: Writer) -> None:
        writing.set()
        await enough.wait()

    holder = asyncio.create_task(sqlite.write(tenant, hold))
    await writing.wait()
    waiting = [asyncio.create_task(sqlite.insert_user(tenant, _user(name), True)) for name in ("ann", "bob", "eve")]
    await asyncio.sleep(0)
    assert sqlite.usage().waiting == 3
    waiting[1].cancel()
    enough.set()
    outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    assert _added(outcomes) == {"ann", "eve"} == await Steps(sqlite, tenant).find_users("userName pr")
    assert sqlite.usage().waiting == 0
    await holder


async def test_who_waits_too_long_is_told(sqlite: SqliteStorage, tenant: str) -> None:
    writing, enough = asyncio.Event(), asyncio.Event()

    async def hold(writer: Writer) -> None:
        writing.set()
        await enough.wait()

    holder = asyncio.create_task(sqlite.write(tenant, hold))
    await writing.wait()
    outcomes = await _add(sqlite, tenant, "ann", "bob")
    assert [type(outcome) for outcome in outcomes] == [StorageUnavailable, StorageUnavailable]
    enough.set()
    await holder
    assert _added(await _add(sqlite, tenant, "ann", "bob")) == {"ann", "bob"}


class _Turns:
    """The turn to write, which counts how often it was taken."""

    def __init__(self) -> None:
        self.taken = 0

    @asynccontextmanager
    async def __call__(self) -> AsyncIterator[None]:
        self.taken += 1
        yield


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "scim.db"


@pytest.fixture
async def connection(path: Path) -> AsyncIterator[Connection]:
    storage = open_storage(f"sqlite:///{path}")
    await storage.open()
    await storage.close()
    opened = Connection(path, "writer")
    await opened.open()
    yield opened
    await opened.close()


async def _stored(connection: Connection) -> set[str]:
    rows = await connection.run(lambda sqlite: sqlite.execute("SELECT user_name_key FROM users").fetchall())
    return {name for (name,) in rows}


async def test_those_at_once_share_a_transaction(connection: Connection, path: Path, tenant: str) -> None:
    turns = _Turns()
    insertions = Insertions(connection, path, turns, NullObserver())
    await asyncio.gather(*(insertions.add(tenant, _user(f"u{number}"), True) for number in range(40)))
    assert turns.taken == 1
    assert len(await _stored(connection)) == 40


async def test_one_that_fails_half_way_leaves_nothing(connection: Connection, path: Path, tenant: str) -> None:
    await connection.run(
        lambda sqlite: sqlite.execute("""
            CREATE TRIGGER no_eve BEFORE INSERT ON user_emails WHEN new.value_key = 'eve'
            BEGIN SELECT RAISE(ABORT, 'not her'); END
        """)
    )
    insertions = Insertions(connection, path, _Turns(), NullObserver())
    outcomes = await asyncio.gather(
        *(insertions.add(tenant, _user(name), True) for name in ("ann", "eve", "bob")), return_exceptions=True
    )
    assert isinstance(outcomes[1], IntegrityError)
    assert _added(outcomes) == {"ann", "bob"} == await _stored(connection)


async def test_a_full_disk_fails_those_that_are_not_stored(connection: Connection, path: Path, tenant: str) -> None:
    insertions = Insertions(connection, path, _Turns(), NullObserver())
    pages = await connection.run(lambda sqlite: sqlite.execute("PRAGMA page_count").fetchone()[0])
    await connection.run(lambda sqlite: sqlite.execute(f"PRAGMA max_page_count = {pages + 12}").fetchone())
    outcomes = await asyncio.gather(
        *(insertions.add(tenant, _user(f"u{number}", title="x" * 5000), True) for number in range(20)),
        return_exceptions=True,
    )
    assert StorageUnavailable in {type(outcome) for outcome in outcomes}
    assert _added(outcomes) == await _stored(connection)
    await connection.run(lambda sqlite: sqlite.execute("PRAGMA max_page_count = 4294967294").fetchone())
    await insertions.add(tenant, _user("after"), True)
    assert await _stored(connection) == {*_added(outcomes), "after"}


async def test_a_commit_that_fails_fails_all_of_it(connection: Connection, path: Path, tenant: str) -> None:
    """Nobody is told anything else, since even a refusal was because of a user who isn't there now."""
    await connection.run(
        lambda sqlite: sqlite.executescript("""
            PRAGMA foreign_keys = ON;
            CREATE TABLE parents (id PRIMARY KEY);
            CREATE TABLE children (parent REFERENCES parents DEFERRABLE INITIALLY DEFERRED);
            CREATE TRIGGER no_eve AFTER INSERT ON users WHEN new.user_name_key = 'eve'
            BEGIN INSERT INTO children VALUES (1); END;
        """)
    )
    insertions = Insertions(connection, path, _Turns(), NullObserver())
    outcomes = await asyncio.gather(
        *(insertions.add(tenant, _user(name), True) for name in ("ann", "eve", "ann")), return_exceptions=True
    )
    assert len({type(outcome) for outcome in outcomes}) == 1
    assert not _added(outcomes)
    assert await _stored(connection) == set()
    assert isinstance(await insertions.add(tenant, _user("ann"), True), UserRecord)
