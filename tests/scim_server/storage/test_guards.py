"""provisioning.md, "Guards: hold the effect, not the request"."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from scim_server.background.due import DueWork
from scim_server.config import (
    DeactivationLimit,
    Decision,
    Deprovisioning,
    HoldDecision,
    ProtectedUser,
    Safety,
)
from scim_server.provisioning.guards import HoldKind
from scim_server.provisioning.lifecycle import State
from scim_server.provisioning.policy import Policy
from scim_server.storage.protocol import Storage
from scim_server.storage.records import Hold
from tests.scim_server.storage.raw_sql import columns_of_tables
from tests.scim_server.storage.steps import Steps, named, rules
from tests.support.policies import policy_of
from tests.support.storages import SetClock, open_storage

HOUR = timedelta(hours=1)
NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)


@pytest.fixture
def clock() -> SetClock:
    return SetClock(NOON)


@pytest.fixture
async def storage(url: str, clock: SetClock) -> AsyncIterator[Storage]:
    opened = open_storage(url, clock)
    await opened.open()
    yield opened
    await opened.close()


def _policy(count: int = 3, percent: int = 0, protected: tuple[ProtectedUser, ...] = (), **safety: Any) -> Policy:
    limit = DeactivationLimit(count=count, percent=percent)
    return policy_of(
        rules((named("Admins"), ["admin"])).rules,
        ["viewer"],
        deprovisioning=Deprovisioning(deactivation_delay_seconds=900),
        safety=Safety(max_deactivations=limit, protected_users=protected, **safety),
    )


async def _holds(steps: Steps) -> list[tuple[Hold, list[str]]]:
    found = await steps.storage.read(steps.tenant, lambda reader: reader.holds())
    return [(each.hold, [user.user_name for user in each.examples]) for each in found]


async def _hold(steps: Steps) -> Hold:
    ((hold, _),) = await _holds(steps)
    return hold


async def _states(steps: Steps, users: list[str]) -> list[State | None]:
    records = [
        await steps.storage.read(steps.tenant, lambda reader, user=user: reader.user_as_applied(user))  # type: ignore[misc]
        for user in users
    ]
    return [None if record is None else record.state for record in records]


async def _events(steps: Steps, after: int = 0) -> list[dict[str, Any]]:
    stored = await steps.storage.read(steps.tenant, lambda reader: reader.events_after(after, 1000))
    return [orjson.loads(one.payload) | {"position": one.position} for one in stored]


async def _round(steps: Steps, clock: SetClock) -> None:
    await DueWork(steps.storage, clock).do()


async def test_what_is_beyond_the_limit_is_held_and_empties_when_the_provider_takes_it_back(
    steps: Steps, clock: SetClock
) -> None:
    """provisioning.md, "Guards": single deactivations are never held, only what is beyond the limit, counted in a
    sliding window. A provider that takes its change back empties the hold."""
    await steps.put_rules(_policy(), 1)
    users = await steps.add_users(*(f"u{number}" for number in range(8)))
    last = (await _events(steps))[-1]["position"]
    for user in users[:5]:
        await steps.update_user(user, active=False)
    assert await _states(steps, users) == [State.BLOCKED] * 3 + [State.ACTIVE] * 5
    records = [await steps.user(user) for user in users]
    assert [record and record.active for record in records] == [False] * 5 + [True] * 3  # what the provider set
    assert [await steps.roles(user) for user in users] == [set()] * 3 + [{"viewer"}] * 5
    events = await _events(steps, last)
    assert [event["type"] for event in events] == ["user.blocked"] * 3 + ["provisioning.held"]
    ((hold, examples),) = await _holds(steps)
    assert (hold.kind, hold.users, hold.expires) == (HoldKind.DEACTIVATIONS, 2, NOON + 4 * HOUR)
    assert sorted(examples) == ["u3", "u4"]
    assert events[-1]["hold"] == {
        "id": hold.id, "kind": "deactivations", "expires": (NOON + 4 * HOUR).isoformat().replace("+00:00", "Z"),
    }  # fmt: skip
    counts = await steps.storage.read(steps.tenant, lambda reader: reader.counts())
    assert (counts.active, counts.blocked) == (5, 3)

    await steps.update_user(users[3], title="Dr", active=False)  # held as before
    await steps.update_user(users[3], active=True)
    assert (await _hold(steps)).users == 1
    await steps.update_user(users[4], active=True)
    assert await _holds(steps) == []
    assert await _states(steps, users) == [State.BLOCKED] * 3 + [State.ACTIVE] * 5
    assert [event["type"] for event in await _events(steps, events[-1]["position"])] == ["user.updated"]

    clock.now += HOUR - timedelta(microseconds=1)
    await _round(steps, clock)
    await steps.update_user(users[4], active=False)
    assert (await _hold(steps)).users == 1
    clock.now = NOON + HOUR
    await steps.update_user(users[5], active=False)
    assert await _states(steps, users[4:6]) == [State.ACTIVE, State.BLOCKED]


@pytest.mark.parametrize("how", ["Apply", "Discard", "expiry"])
async def test_a_hold_ends_by_decision_or_when_its_time_is_over(steps: Steps, clock: SetClock, how: str) -> None:
    """provisioning.md, "Guards": release or discard is declarative, single-use. A hold that nobody decided ends as
    `onHoldExpiry` says."""
    await steps.put_rules(_policy(count=0), 1)
    users = await steps.add_users("ann", "bob", "cid", "dee")
    group = await steps.add_group("Admins", users)
    await steps.update_user(users[0], active=False)
    await steps.delete_user(users[1])
    await steps.delete_user(users[2])
    again = await steps.add_user(
        "cid"
    )  # the provider takes the deletion back: a new user, and the old one is deleted
    assert await steps.user(users[1]) is None
    assert await steps.member_ids(group) == {users[0], users[3]}
    assert await _states(steps, [*users, again]) == [
        State.ACTIVE, State.ACTIVE, None, State.ACTIVE, State.ACTIVE,
    ]  # fmt: skip
    assert await steps.roles(users[1]) == {"admin", "viewer"}
    assert not await steps.change_members(group, add=[users[1]])  # as one that was deleted
    hold = await _hold(steps)
    assert hold.users == 2
    last = (await _events(steps))[-1]["position"]

    if how == "expiry":
        clock.now += 4 * HOUR
    else:
        decisions = (HoldDecision(hold=hold.id, decision=Decision(how)),)
        await steps.put_rules(_policy(count=0, decisions=decisions), 2)
        await steps.update_user(users[3], active=False)  # held by another one
        assert len(await _holds(steps)) == 2
    await _round(steps, clock)
    remaining = await _holds(steps)
    assert hold.id not in {each.id for each, _ in remaining}
    events = await _events(steps, last)
    ended = [event for event in events if "detail" in event["cause"]]
    if how == "Discard":
        assert ended == []
        assert await _states(steps, users[:2]) == [State.ACTIVE, State.ACTIVE]
        assert await steps.user(users[1]) is not None
        assert await steps.member_ids(group) == {users[0], users[1], users[3]}
        assert await steps.roles(users[1]) == {"admin", "viewer"}
        await _round(steps, clock)
        assert await _states(steps, users[:2]) == [State.ACTIVE, State.ACTIVE]
        await steps.update_user(users[0], title="Dr", active=False)  # its next change
        assert "ann" in [name for _, names in await _holds(steps) for name in names]
    else:
        assert [(event["type"], event["user"]["userName"]) for event in ended] == [
            ("user.blocked", "ann"), ("user.deleted", "bob"),
        ]  # fmt: skip
        assert {(event["cause"]["kind"], event["cause"]["detail"]) for event in ended} == {
            ("hold" if how == "expiry" else "decision", hold.id)
        }
        assert await _states(steps, users[:2]) == [State.BLOCKED, None]
        assert await steps.roles(users[0]) == await steps.roles(users[1]) == set()


@pytest.mark.parametrize("by", ["user_name", "external_id", "id"])
async def test_no_provider_deactivates_a_protected_user(steps: Steps, clock: SetClock, by: str) -> None:
    """provisioning.md, `protectedUsers`: no provider can block, deactivate or delete these."""
    glass, other = await steps.add_user("Break@Glass", externalId="7"), await steps.add_user("other")
    protected = ProtectedUser(**{by: {"user_name": "break@GLASS", "external_id": "7", "id": glass}[by]})
    await steps.put_rules(_policy(protected=(protected,)), 1)
    await steps.update_user(glass, active=False)
    await steps.update_user(other, active=False)
    hold = await _hold(steps)
    assert (hold.kind, hold.users, hold.expires) == (HoldKind.PROTECTED, 1, None)
    apply = (HoldDecision(hold=hold.id, decision=Decision.APPLY),)
    await steps.put_rules(_policy(protected=(protected,), decisions=apply), 2)
    clock.now += 1000 * HOUR
    await _round(steps, clock)
    await steps.delete_user(glass)
    await _round(steps, clock)
    assert await _states(steps, [glass, other]) == [State.ACTIVE, State.DEACTIVATED]
    await steps.put_rules(_policy(), 3)  # it isn't protected any more
    await _round(steps, clock)
    assert await _states(steps, [glass]) == [None]
    assert await _holds(steps) == []


@pytest.mark.databases("postgresql")
async def test_two_replicas_let_no_more_through_than_the_limit(steps: Steps, url: str, clock: SetClock) -> None:
    await steps.put_rules(_policy(count=7), 1)
    users = await steps.add_users(*(f"u{number}" for number in range(40)))
    other = open_storage(url, clock)
    await other.open()
    replicas = [steps, Steps(other, steps.tenant)]
    await asyncio.gather(
        *(
            replicas[number % 2].update_user(user, active=False)
            if number % 3
            else replicas[number % 2].delete_user(user)
            for number, user in enumerate(users)
        )
    )
    await other.close()
    states = await _states(steps, users)
    assert states.count(State.ACTIVE) == 33
    assert (await _hold(steps)).users == 33


async def test_held_users_have_the_columns_of_users(storage: Storage, url: str) -> None:
    columns = await columns_of_tables(url)
    assert columns["held_users"] == columns["users"]
