"""Deactivation after the delay: once and on time, also after a crash or another delay, or beside a replica."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from scim_server.background.due import DueWork
from scim_server.clock import Clock
from scim_server.provisioning.lifecycle import State
from scim_server.provisioning.policy import Policy
from scim_server.storage.effects import Effects, StateChanged
from scim_server.storage.ids import FIRST_ID
from scim_server.storage.protocol import Storage, Writer
from scim_server.storage.records import DueKind, UserRecord
from tests.scim_server.background.conftest import NOON
from tests.scim_server.storage.raw_sql import execute
from tests.scim_server.storage.steps import Steps
from tests.support.policies import policy_of
from tests.support.storages import SetClock, WrongClock, open_storage

HOUR = timedelta(hours=1)
RETENTION = timedelta(days=90)


@pytest.fixture
async def steps(storage: Storage) -> Steps:
    steps = Steps(storage, "acme/okta")
    await steps.put_rules(_delay(HOUR), 1)
    return steps


def _delay(delay: timedelta) -> Policy:
    return policy_of((), ["viewer"], (), delay)


async def _round(storage: Storage, clock: Clock) -> datetime | None:
    """All that a worker does before it waits: when it comes back."""
    return await DueWork(storage, clock).do()


async def _state(steps: Steps, user_id: str) -> State:
    user = await steps.user(user_id)
    assert user is not None
    return user.state


async def test_a_blocked_user_is_deactivated_when_the_delay_is_over(
    steps: Steps, storage: Storage, clock: SetClock
) -> None:
    told: list[StateChanged] = []

    def listen(_: str, effects: Effects) -> None:
        told.extend(effect for effect in effects.all if isinstance(effect, StateChanged))

    ann = await steps.add_user("ann", active=False)
    before = await steps.user(ann)
    storage.subscribe(listen)
    clock.now += HOUR - timedelta(microseconds=1)
    assert await _round(storage, clock) == NOON + HOUR
    assert await _state(steps, ann) is State.BLOCKED
    clock.now = NOON + HOUR
    assert await _round(storage, clock) is None
    assert await _state(steps, ann) is State.DEACTIVATED
    assert told == [StateChanged(ann, State.BLOCKED, State.DEACTIVATED, None)]
    clock.now += HOUR
    await _round(storage, clock)
    assert len(told) == 1
    after = await steps.user(ann)
    assert before is not None
    assert after == replace(before, state=State.DEACTIVATED, deactivate_at=None)  # the provider's part is as it was


async def test_several_replicas_deactivate_each_user_once(
    steps: Steps, url: str, storage: Storage, clock: SetClock
) -> None:
    users = [await steps.add_user(f"u{number}", active=False) for number in range(40)]
    told: list[str] = []

    def listen(_: str, effects: Effects) -> None:
        told.extend(effect.user_id for effect in effects.all if isinstance(effect, StateChanged))

    others = [] if url.startswith("sqlite") else [open_storage(url, clock), open_storage(url, clock)]
    for other in others:
        await other.open()
    for replica in (storage, *others):
        replica.subscribe(listen)
    clock.now += HOUR
    await asyncio.gather(*(_round(replica, clock) for replica in (storage, *others)))
    await _round(storage, clock)
    assert sorted(told) == sorted(users)
    for other in others:
        await other.close()


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)  # SQLite has one server, whose clock is the clock
async def test_replicas_whose_clocks_are_wrong_deactivate_nobody_early_and_nobody_twice(
    steps: Steps, url: str, storage: Storage, clock: SetClock
) -> None:
    """engine.md, "State is stored": time is the database's where replicas must agree."""
    clocks = [WrongClock(clock, by) for by in (timedelta(minutes=10), timedelta(minutes=-10), HOUR, -HOUR)]
    replicas = [open_storage(url, each) for each in clocks]
    told: list[str] = []

    def listen(_: str, effects: Effects) -> None:
        told.extend(effect.user_id for effect in effects.all if isinstance(effect, StateChanged))

    users: list[str] = []
    for replica in replicas:
        await replica.open()
        users.append(await Steps(replica, steps.tenant).add_user(f"u{len(users)}", active=False))
        replica.subscribe(listen)
    records = [await steps.user(user) for user in users]
    assert [record and record.deactivate_at for record in records] == [
        NOON + HOUR + timedelta(minutes=10), NOON + HOUR, NOON + 2 * HOUR, NOON + HOUR,
    ]  # fmt: skip

    async def rounds() -> None:
        await asyncio.gather(*(_round(replica, wrong) for replica, wrong in zip(replicas, clocks, strict=True)))

    clock.now += HOUR - timedelta(microseconds=1)
    await rounds()
    assert told == []
    clock.now = NOON + HOUR
    await rounds()
    assert sorted(told) == sorted([users[1], users[3]])  # by the replicas whose clocks are fast
    clocks[0].by = HOUR  # a jump
    clock.now += 2 * HOUR
    await rounds()
    await rounds()
    assert sorted(told) == sorted(users)
    for replica in replicas:
        await replica.close()


async def test_timers_survive_the_end_of_the_server(
    steps: Steps, url: str, storage: Storage, clock: SetClock
) -> None:
    ann = await steps.add_user("ann", active=False)
    await storage.close()
    clock.now += 9 * HOUR
    again = open_storage(url, clock)
    await again.open()
    await _round(again, clock)
    assert await _state(Steps(again, steps.tenant), ann) is State.DEACTIVATED
    await again.close()


async def test_a_user_who_is_active_again_isnt_deactivated(steps: Steps, storage: Storage, clock: SetClock) -> None:
    ann = await steps.add_user("ann", active=False)
    await steps.update_user(ann, active=True)
    assert await storage.next_due() is None
    clock.now += HOUR
    await steps.update_user(ann, active=False)
    await _round(storage, clock)
    assert await _state(steps, ann) is State.BLOCKED
    assert await storage.next_due() == NOON + 2 * HOUR


async def test_a_longer_delay_leaves_deactivated_users_and_moves_blocked_ones(
    steps: Steps, storage: Storage, clock: SetClock
) -> None:
    ann = await steps.add_user("ann", active=False)
    clock.now += HOUR
    await _round(storage, clock)
    bob = await steps.add_user("bob", active=False)
    await steps.put_rules(_delay(3 * HOUR), 2)
    clock.now += HOUR / 2
    await steps.storage.write(steps.tenant, lambda writer: writer.deactivate([bob]))
    clock.now += HOUR / 2
    assert [await _state(steps, user) for user in (ann, bob)] == [State.DEACTIVATED, State.BLOCKED]
    assert await _round(storage, clock) == NOON + 4 * HOUR
    clock.now += HOUR
    assert await _round(storage, clock) == NOON + 4 * HOUR
    assert await _state(steps, bob) is State.BLOCKED
    await steps.put_rules(_delay(HOUR), 3)
    await _round(storage, clock)
    assert await _state(steps, bob) is State.DEACTIVATED


async def test_a_new_delay_of_very_many_users_is_followed_in_batches(
    steps: Steps, url: str, storage: Storage, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each a transaction, between which others write, and after a crash the next server goes on."""
    monkeypatch.setattr("scim_server.background.due._AT_ONCE", 3)
    users = [await steps.add_user(f"u{number}", active=False) for number in range(10)]
    await steps.put_rules(_delay(3 * HOUR), 2)
    transactions: list[int] = []

    class Crash(Exception): ...

    async def crash(writer: Writer) -> None:
        await writer.follow_delay(FIRST_ID, 3)
        raise Crash

    with pytest.raises(Crash):
        await storage.write(steps.tenant, crash)
    other = open_storage(url, clock)
    await storage.close()
    await other.open()
    write = other.write

    async def counted(*arguments: Any, **named: Any) -> Any:
        transactions.append(1)
        return await write(*arguments, **named)

    monkeypatch.setattr(other, "write", counted)
    assert await _round(other, clock) == NOON + 3 * HOUR
    assert len(transactions) >= 10 / 3
    records = [await Steps(other, steps.tenant).user(user) for user in users]
    assert {record.deactivate_at for record in records if record is not None} == {NOON + 3 * HOUR}
    await other.close()


@pytest.mark.parametrize("later", [False, True], ids=["replica", "another delay"])
async def test_blocked_users_are_walked_over_once(steps: Steps, storage: Storage, later: bool) -> None:
    """However many replicas have read that a new delay is to be followed, and whatever delay comes meanwhile."""
    for number in range(10):
        await steps.add_user(f"u{number}", active=False)
    await steps.put_rules(_delay(3 * HOUR), 2)

    async def walks() -> list[str]:
        past = await storage.write(steps.tenant, lambda writer: writer.past_due(100))
        return [due.subject for due in past if due.kind is DueKind.DELAY]

    (first,) = await walks()
    await storage.write(steps.tenant, lambda writer: writer.follow_delay(first, 3))
    (second,) = await walks()
    if later:
        await steps.put_rules(_delay(4 * HOUR), 3)
        assert await walks() == [first]
    else:
        await storage.write(steps.tenant, lambda writer: writer.follow_delay(second, 3))
        reached = await walks()
        for before in (first, second):
            await storage.write(steps.tenant, lambda writer, before=before: writer.follow_delay(before, 3))  # type: ignore[misc]
        assert await walks() == reached
        assert len(reached) == 1


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)  # on SQLite nobody else ever holds anything
async def test_a_user_held_by_another_transaction_is_deactivated_later(
    steps: Steps, storage: Storage, clock: SetClock
) -> None:
    ann, bob = await steps.add_user("ann", active=False), await steps.add_user("bob", active=False)
    held, enough = asyncio.Event(), asyncio.Event()

    async def hold(writer: object) -> None:
        await writer.lock_user(ann)  # type: ignore[attr-defined]
        held.set()
        await enough.wait()

    holder = asyncio.create_task(storage.write(steps.tenant, hold))
    await held.wait()
    clock.now += HOUR
    assert await _round(storage, clock) == NOON + HOUR  # at once, again
    assert [await _state(steps, user) for user in (ann, bob)] == [State.BLOCKED, State.DEACTIVATED]
    enough.set()
    await holder
    await _round(storage, clock)
    assert await _state(steps, ann) is State.DEACTIVATED


async def test_deletions_are_forgotten_after_the_retention(steps: Steps, storage: Storage, clock: SetClock) -> None:
    ann, staff = await steps.add_user("ann", active=False), await steps.add_group("Staff")
    await steps.delete_user(ann)
    assert await _round(storage, clock) == NOON + HOUR  # when the deleted user counts as deactivated
    clock.now += HOUR
    assert await _round(storage, clock) == NOON + RETENTION
    assert not (await steps.change_members(staff, add=[ann]))
    clock.now = NOON + RETENTION
    assert await _round(storage, clock) is None
    with pytest.raises(Exception, match="members don't exist"):
        await steps.change_members(staff, add=[ann])


async def test_what_an_older_server_writes_gets_its_state(
    steps: Steps, url: str, storage: Storage, clock: SetClock
) -> None:
    """It knows of `active` and `blocked_at` alone, and may run beside newer ones during a rollout."""
    ann, bob = await steps.add_user("ann"), await steps.add_user("bob", active=False)
    at = int(NOON.timestamp() * 1_000_000) if url.startswith("sqlite") else f"'{NOON.isoformat()}'"
    await execute(url, f"UPDATE users SET active = false, blocked_at = {at} WHERE id = '{ann}'")
    await execute(url, f"UPDATE users SET active = true, blocked_at = NULL WHERE id = '{bob}'")
    await _round(storage, clock)
    assert [await _state(steps, user) for user in (ann, bob)] == [State.BLOCKED, State.ACTIVE]
    assert await storage.next_due() == NOON + HOUR
    assert await storage.tenants_with_unlike_states() == []


async def _set_past_the_server(url: str, user_id: str, *, active: bool) -> None:
    """As a server of before there were states does it, at noon."""
    at = int(NOON.timestamp() * 1_000_000) if url.startswith("sqlite") else f"'{NOON.isoformat()}'"
    blocked_at = "NULL" if active else at
    await execute(url, f"UPDATE users SET active = {active}, blocked_at = {blocked_at} WHERE id = '{user_id}'")


async def test_a_change_of_what_an_older_server_has_blocked_leaves_the_delay(
    steps: Steps, url: str, clock: SetClock
) -> None:
    ann = await steps.insert_user({"userName": "ann"})
    await _set_past_the_server(url, ann.id, active=False)
    clock.now += HOUR / 2
    document = {"userName": "ann", "title": "Dr"}

    async def work(writer: Writer) -> UserRecord:
        record = await writer.lock_user(ann.id)
        assert record is not None
        return await writer.update_user(record, document, record.active)

    updated = await steps.storage.write(steps.tenant, work)
    assert (updated.state, updated.deactivate_at) == (State.BLOCKED, NOON + HOUR)
    assert await steps.storage.next_due() == NOON + HOUR


async def test_a_user_whom_an_older_server_let_in_again_is_blocked_anew(
    steps: Steps, url: str, storage: Storage, clock: SetClock
) -> None:
    ann = await steps.add_user("ann", active=False)
    await _set_past_the_server(url, ann, active=True)
    clock.now += HOUR / 2
    updated = await steps.update_user(ann, active=False)
    assert (updated.state, updated.deactivate_at) == (State.BLOCKED, clock.now + HOUR)
    assert await storage.next_due() == clock.now + HOUR


async def test_a_user_whom_an_older_server_let_in_again_isnt_deactivated(
    steps: Steps, url: str, storage: Storage, clock: SetClock
) -> None:
    ann = await steps.add_user("ann", active=False)
    await _set_past_the_server(url, ann, active=True)
    clock.now += HOUR
    await storage.write(steps.tenant, lambda writer: writer.deactivate([ann]))
    assert await _state(steps, ann) is State.BLOCKED
    await _round(storage, clock)
    assert await _state(steps, ann) is State.ACTIVE


async def test_nobody_is_deactivated_while_the_delay_is_unknown(
    steps: Steps, url: str, storage: Storage, clock: SetClock
) -> None:
    """Between the migration and the first rules that a newer server stores."""
    ann, bob = await steps.add_user("ann"), await steps.add_user("bob", active=False)
    await execute(url, "UPDATE tenants SET deactivation_delay = NULL")
    await execute(url, "DELETE FROM due")
    await _set_past_the_server(url, ann, active=False)
    await _set_past_the_server(url, bob, active=True)  # still blocked by its state
    await _round(storage, clock)
    assert [await _state(steps, user) for user in (ann, bob)] == [State.BLOCKED, State.ACTIVE]
    await steps.put_rules(_delay(2 * HOUR), 2)
    assert await _round(storage, clock) == NOON + 2 * HOUR
    clock.now += 2 * HOUR
    await _round(storage, clock)
    assert await _state(steps, ann) is State.DEACTIVATED


async def test_new_rules_leave_users_whom_an_older_server_let_in_again(
    steps: Steps, url: str, storage: Storage, clock: SetClock
) -> None:
    ann, bob = await steps.add_user("ann", active=False), await steps.add_user("bob", active=False)
    await _set_past_the_server(url, ann, active=True)
    await steps.put_rules(_delay(2 * HOUR), 2)
    await _round(storage, clock)
    record = await steps.user(bob)
    assert record is not None
    assert record.deactivate_at == NOON + 2 * HOUR
