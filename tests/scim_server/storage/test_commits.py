"""Writes at once: on SQLite they share transactions, and only the speed may tell."""

import asyncio
import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from scim_server import changes
from scim_server.clock import utc_now
from scim_server.provisioning.cause import BY_MAPPING
from scim_server.storage.errors import StorageUnavailable, UserNameTaken
from scim_server.storage.policies import Policies
from scim_server.storage.protocol import NullObserver, Storage, Writer
from scim_server.storage.records import UserRecord
from scim_server.storage.session import Transaction
from scim_server.storage.sqlite import SqliteStorage
from scim_server.storage.sqlite.commits import Commits
from scim_server.storage.sqlite.connection import Connection
from scim_server.storage.sqlite.session import WriteSession, run_step
from scim_server.storage.tables import users
from tests.scim_server.storage.steps import Steps
from tests.support.storages import insert_user, open_storage


def _user(name: str, **attributes: Any) -> dict[str, Any]:
    return {"userName": name, "active": True, "emails": [{"value": name}], **attributes}


async def _add(storage: Storage, tenant: str, *names: str) -> list[Any]:
    """At once; what became of each."""
    return await asyncio.gather(
        *(insert_user(storage, tenant, _user(name), True) for name in names), return_exceptions=True
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
            insert_user(storage, steps.tenant, _user(f"u{number}", title="\ud800" if number == 3 else "Dr"), True)
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
        running = {name: asyncio.create_task(insert_user(storage, steps.tenant, _user(name), True)) for name in tasks}
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
    opened = SqliteStorage(tmp_path / "scim.db", changes.record, patience=0.3)
    await opened.open()
    yield opened
    await opened.close()


async def _hold(sqlite: SqliteStorage, tenant: str) -> tuple[asyncio.Task[None], threading.Event]:
    """A transaction that is under way until the event is set."""
    writing, enough = threading.Event(), threading.Event()

    def wait() -> None:
        writing.set()
        enough.wait(30)

    holder = asyncio.create_task(sqlite.write(tenant, lambda writer: writer.compute(wait)))
    await asyncio.to_thread(writing.wait)
    return holder, enough


async def test_who_is_cancelled_while_another_one_writes_adds_nothing(sqlite: SqliteStorage, tenant: str) -> None:
    holder, enough = await _hold(sqlite, tenant)
    waiting = [asyncio.create_task(insert_user(sqlite, tenant, _user(name), True)) for name in ("ann", "bob", "eve")]
    await asyncio.sleep(0)
    assert sqlite.usage().waiting == 3
    waiting[1].cancel()
    enough.set()
    outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    assert _added(outcomes) == {"ann", "eve"} == await Steps(sqlite, tenant).find_users("userName pr")
    assert sqlite.usage().waiting == 0
    await holder


async def test_who_waits_too_long_is_told(sqlite: SqliteStorage, tenant: str) -> None:
    holder, enough = await _hold(sqlite, tenant)
    outcomes = await _add(sqlite, tenant, "ann", "bob")
    assert [type(outcome) for outcome in outcomes] == [StorageUnavailable, StorageUnavailable]
    enough.set()
    await holder
    assert _added(await _add(sqlite, tenant, "ann", "bob")) == {"ann", "bob"}


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


def _insert(tenant: str, document: dict[str, Any]) -> Callable[[sqlite3.Connection], UserRecord]:
    def insert(connection: sqlite3.Connection) -> UserRecord:
        tx = Transaction(WriteSession(connection, tenant), utc_now, Policies(), BY_MAPPING, exclusive=True)
        return run_step(users.insert(tx, document, True))

    return insert


async def test_those_at_once_share_a_transaction(connection: Connection, path: Path, tenant: str) -> None:
    began: list[str] = []
    await connection.run(lambda sqlite: sqlite.set_trace_callback(began.append))
    commits = Commits(connection, path, 1.0, NullObserver())
    await asyncio.gather(*(commits.run(tenant, _insert(tenant, _user(f"u{number}"))) for number in range(40)))
    await connection.run(lambda sqlite: sqlite.set_trace_callback(None))
    assert began.count("BEGIN IMMEDIATE") == began.count("COMMIT") < 10  # on a busy machine one has no time for all
    assert len(await _stored(connection)) == 40


async def test_tenants_take_turns(connection: Connection, path: Path) -> None:
    """A tenant with one write waits for one of another tenant's, however many wait."""
    commits = Commits(connection, path, 1.0, NullObserver())
    order: list[str] = []
    busy = [asyncio.create_task(commits.run("busy", lambda _: order.append("busy"))) for _ in range(50)]
    other = asyncio.create_task(commits.run("other", lambda _: order.append("other")))
    await asyncio.gather(*busy, other)
    assert order.index("other") == 1


async def test_a_step_that_takes_long_lets_those_who_are_done_go(connection: Connection, path: Path) -> None:
    commits = Commits(connection, path, 5.0, NullObserver())
    enough = threading.Event()
    long = asyncio.create_task(commits.run("a", lambda _: time.sleep(0.06)))  # longer than a transaction may take
    after = asyncio.create_task(commits.run("a", lambda _: enough.wait(30)))
    await long
    assert not after.done()
    enough.set()
    await after


async def test_steps_for_which_there_was_no_time_keep_their_turns(connection: Connection, path: Path) -> None:
    commits = Commits(connection, path, 5.0, NullObserver())
    order: list[str] = []

    def slow(tenant: str) -> Callable[[sqlite3.Connection], None]:
        def work(_: sqlite3.Connection) -> None:
            order.append(tenant)
            time.sleep(0.06)  # longer than a transaction may take

        return work

    await asyncio.gather(*(commits.run(tenant, slow(tenant)) for tenant in "abcd"))
    assert order == ["a", "b", "c", "d"]


async def test_a_step_may_raise_anything(connection: Connection, path: Path, tenant: str) -> None:
    commits = Commits(connection, path, 1.0, NullObserver())

    def give_up(_: sqlite3.Connection) -> None:
        raise asyncio.CancelledError

    async with asyncio.timeout(10):
        works = [_insert(tenant, _user("ann")), give_up, _insert(tenant, _user("bob"))]
        outcomes = await asyncio.gather(*(commits.run(tenant, work) for work in works), return_exceptions=True)
    assert isinstance(outcomes[1], asyncio.CancelledError)
    assert _added(outcomes) == {"ann", "bob"} == await _stored(connection)


async def test_a_step_that_awaits_anything_else_is_refused(sqlite: SqliteStorage, tenant: str) -> None:
    async def work(writer: Writer) -> None:
        await asyncio.sleep(0)

    with pytest.raises(RuntimeError, match="nothing but its writer"):
        await sqlite.write(tenant, work)


async def test_steps_that_wait_when_the_storage_closes_are_told(sqlite: SqliteStorage, tenant: str) -> None:
    holder, enough = await _hold(sqlite, tenant)
    waiting = asyncio.create_task(insert_user(sqlite, tenant, _user("ann"), True))
    await asyncio.sleep(0)
    closing = asyncio.create_task(sqlite.close())
    await asyncio.sleep(0)
    enough.set()
    await closing
    await holder
    with pytest.raises(StorageUnavailable):
        await waiting


async def test_one_that_fails_half_way_leaves_nothing(connection: Connection, path: Path, tenant: str) -> None:
    await connection.run(
        lambda sqlite: sqlite.execute("""
            CREATE TRIGGER no_eve BEFORE INSERT ON user_emails WHEN new.value_key = 'eve'
            BEGIN SELECT RAISE(ABORT, 'not her'); END
        """)
    )
    commits = Commits(connection, path, 1.0, NullObserver())
    outcomes = await asyncio.gather(
        *(commits.run(tenant, _insert(tenant, _user(name))) for name in ("ann", "eve", "bob")), return_exceptions=True
    )
    assert isinstance(outcomes[1], sqlite3.IntegrityError)
    assert _added(outcomes) == {"ann", "bob"} == await _stored(connection)


async def test_a_full_disk_fails_those_that_are_not_stored(connection: Connection, path: Path, tenant: str) -> None:
    commits = Commits(connection, path, 1.0, NullObserver())
    pages = await connection.run(lambda sqlite: sqlite.execute("PRAGMA page_count").fetchone()[0])
    await connection.run(lambda sqlite: sqlite.execute(f"PRAGMA max_page_count = {pages + 12}").fetchone())
    outcomes = await asyncio.gather(
        *(commits.run(tenant, _insert(tenant, _user(f"u{number}", title="x" * 5000))) for number in range(20)),
        return_exceptions=True,
    )
    assert StorageUnavailable in {type(outcome) for outcome in outcomes}
    assert _added(outcomes) == await _stored(connection)
    await connection.run(lambda sqlite: sqlite.execute("PRAGMA max_page_count = 4294967294").fetchone())
    await commits.run(tenant, _insert(tenant, _user("after")))
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
    commits = Commits(connection, path, 1.0, NullObserver())
    outcomes = await asyncio.gather(
        *(commits.run(tenant, _insert(tenant, _user(name))) for name in ("ann", "eve", "ann")), return_exceptions=True
    )
    assert len({type(outcome) for outcome in outcomes}) == 1
    assert not _added(outcomes)
    assert await _stored(connection) == set()
    assert isinstance(await commits.run(tenant, _insert(tenant, _user("ann"))), UserRecord)
