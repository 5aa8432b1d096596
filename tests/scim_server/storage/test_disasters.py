"""What the guards are for: mistakes that go on at full speed."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from scim_server.background.due import DueWork
from scim_server.config import Decision, HoldDecision, RoleChangeLimit, RoleRule, Safety
from scim_server.provisioning.policy import Policy
from scim_server.storage.protocol import Storage
from scim_server.storage.records import Query, TenantCounts
from tests.scim_server.storage.steps import Steps, named, rules
from tests.support.policies import policy_of
from tests.support.storages import SetClock, open_storage

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


def _policy(*decisions: HoldDecision) -> Policy:
    granting = rules((named("Staff"), ["staff"])).rules
    return policy_of(granting, ["viewer"], (), timedelta(minutes=15), safety=Safety(decisions=decisions))


async def _counts(steps: Steps) -> TenantCounts:
    return await steps.storage.read(steps.tenant, lambda reader: reader.counts())


async def _set_all(steps: Steps, users: list[str], *, active: bool) -> None:
    """As a provider does it: many requests at once."""
    for start in range(0, len(users), 100):
        await asyncio.gather(*(steps.update_user(user, active=active) for user in users[start : start + 100]))


@pytest.mark.databases("sqlite")
async def test_an_empty_upstream(steps: Steps, clock: SetClock) -> None:
    """provisioning.md, "Guards": an empty upstream makes the provider deactivate 2,000 of 5,000 users.

    Effects stop at the limit, the hold is visible, it empties as the provider takes its change back, and the rest is
    applied by decision. How a hold is discarded is held by test_guards.py."""
    await steps.put_rules(_policy(), 1)
    users = await steps.add_users(*(f"u{number}" for number in range(5000)))
    clock.now += timedelta(hours=2)
    await _set_all(steps, users[:2000], active=False)
    assert (await _counts(steps)).active == 4500
    (found,) = await steps.storage.read(steps.tenant, lambda reader: reader.holds())
    assert (found.hold.users, len(found.examples)) == (1500, 10)

    await _set_all(steps, users[1000:2000], active=True)
    (left,) = await steps.storage.read(steps.tenant, lambda reader: reader.holds())
    assert (left.hold.id, left.hold.users) == (found.hold.id, 500)
    await steps.put_rules(_policy(HoldDecision(hold=found.hold.id, decision=Decision.APPLY)), 2)
    await DueWork(steps.storage, clock).do()
    assert (await _counts(steps)).active == 4000
    assert await steps.storage.read(steps.tenant, lambda reader: reader.holds()) == []
    events = await steps.storage.read(steps.tenant, lambda reader: reader.events_after(0, 100_000))
    held = [orjson.loads(event.payload)["hold"]["id"] for event in events if event.type == "provisioning.held"]
    assert held == [found.hold.id]
    assert len([event for event in events if event.type == "user.blocked"]) == 1000
    assert [await steps.roles(user) for user in (users[0], users[1500])] == [set(), {"viewer"}]


def _mapped(*mappings: str, **safety: Any) -> Policy:
    granting = tuple(
        RoleRule(mapping=f"acme/{mapping}", rule="all", groups=(named("Staff"),), roles=(mapping,))
        for mapping in mappings
    )
    return policy_of(granting, ["viewer"], safety=Safety(max_role_changes=RoleChangeLimit(count=5), **safety))


async def _holds(steps: Steps) -> list[tuple[str, int, int]]:
    found = await steps.storage.read(steps.tenant, lambda reader: reader.holds())
    return [(each.hold.kind, each.hold.users, len(each.examples)) for each in found]


@pytest.mark.databases("sqlite", "postgresql")
@pytest.mark.parametrize("end", ["reverted", "Apply", "Discard", "expiry"])
async def test_a_mistake_in_git_deletes_every_mapping(steps: Steps, clock: SetClock, end: str) -> None:
    """provisioning.md, "Guards": the same for a mapping change whose role removals exceed `maxRoleChanges`."""
    await steps.put_rules(_mapped("admin", "staff"), 1)
    users = await steps.add_users(*(f"u{number}" for number in range(30)))
    await steps.add_group("Staff", users)
    both, none = {"admin", "staff", "viewer"}, {"viewer"}
    assert await steps.roles(users[0]) == both

    await steps.put_rules(_mapped(), 2)
    assert await steps.roles(users[0]) == both
    assert await _holds(steps) == [("roles", 30, 10)]
    late = await steps.add_user("late")
    await steps.change_members((await steps.groups(Query())).records[0].id, add=[late], remove=[users[1]])
    assert [await steps.roles(user) for user in (late, users[1])] == [none, none]  # a hold gives nothing
    (found,) = await steps.storage.read(steps.tenant, lambda reader: reader.holds())

    if end == "reverted":
        await steps.put_rules(_mapped("admin", "staff"), 3)
        assert await steps.roles(late) == both
    elif end == "expiry":
        clock.now += timedelta(hours=4)
    else:
        decision = HoldDecision(hold=found.hold.id, decision=Decision(end))
        await steps.put_rules(_mapped(decisions=(decision,)), 3)
    await DueWork(steps.storage, clock).do()
    assert await _holds(steps) == []
    assert await steps.roles(users[0]) == (none if end in ("Apply", "expiry") else both)
    if end == "Discard":  # until the next change of mappings
        await steps.put_rules(_mapped("admin"), 4)
        assert await _holds(steps) == [("roles", 29, 10)]
        assert await steps.roles(users[0]) == both


@pytest.mark.databases("sqlite", "postgresql")
async def test_a_change_of_mappings_that_concerns_few_happens_at_once(steps: Steps, clock: SetClock) -> None:
    """provisioning.md, `maxRoleChanges`: the larger one of count and percent, of the holders of roles."""
    await steps.put_rules(_mapped("admin", "staff"), 1)
    users = await steps.add_users(*(f"u{number}" for number in range(30)))
    group = await steps.add_group("Staff", users[:6])
    await steps.put_rules(_mapped("staff"), 2)  # 6 of 30 lose a role: 20 percent
    assert await _holds(steps) == []
    assert await steps.roles(users[0]) == {"staff", "viewer"}
    await steps.change_members(group, add=users[6:8])
    await steps.update_group(group, displayName="Others")  # the provider renames it: 8 would
    await steps.work_off()
    assert await _holds(steps) == [("roles", 8, 8)]
    assert await steps.roles(users[0]) == {"staff", "viewer"}
    await steps.update_group(group, displayName="Staff")
    await steps.work_off()
    assert await _holds(steps) == []
    await steps.change_members(group, remove=users)
    assert await steps.roles(users[0]) == {"viewer"}
