"""Rules with a window: roles come and go at its ends, without traffic, once."""

import asyncio
from datetime import timedelta

import pytest

from scim_server.background.due import DueWork
from scim_server.config import GroupSelector, RoleRule
from scim_server.storage.effects import Effects, RolesChanged
from scim_server.storage.protocol import Storage
from tests.scim_server.background.conftest import NOON
from tests.scim_server.storage.steps import Steps
from tests.support.policies import policy_of
from tests.support.storages import SetClock, WrongClock, open_storage

HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)
POLICY = policy_of(
    [
        RoleRule(
            mapping="acme/roles",
            rule="shift",
            groups=(GroupSelector(display_name="Ops"),),
            roles=("ops",),
            not_before=NOON + HOUR,
            not_after=NOON + 2 * HOUR,
        ),
        RoleRule(mapping="acme/roles", rule="all", when="true", roles=("late",), not_before=NOON + HOUR),
    ]
)


async def test_roles_come_and_go_with_the_window(storage: Storage, clock: SetClock) -> None:
    """provisioning.md, "RoleMapping": `notBefore`, `notAfter`: a grant with an end"""
    steps, due = Steps(storage, "acme/okta"), DueWork(storage, clock)
    await steps.put_rules(POLICY, 1)
    ann = await steps.add_user("ann")
    await steps.add_group("Ops", [ann])
    told: list[RolesChanged] = []
    storage.subscribe(lambda _, effects: told.extend(each for each in effects.all if isinstance(each, RolesChanged)))
    for at, wanted in (
        (HOUR - SECOND, set[str]()),
        (HOUR, {"ops", "late"}),
        (HOUR + SECOND, {"ops", "late"}),
        (2 * HOUR - SECOND, {"ops", "late"}),
        (2 * HOUR, {"late"}),
        (5 * HOUR, {"late"}),
    ):
        clock.now = NOON + at
        await due.do()
        await steps.work_off()
        assert await steps.roles(ann) == wanted, at
    assert [({*one.changes[0].added}, {*one.changes[0].removed}) for one in told] == [
        ({"ops", "late"}, set()),
        (set(), {"ops"}),
    ]
    bob = await steps.add_user("bob")  # after the boundary
    assert await steps.roles(bob) == {"late"}


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)  # SQLite has one server, whose clock is the clock
async def test_replicas_with_wrong_clocks_open_nothing_early_and_nothing_twice(
    storage: Storage, url: str, clock: SetClock
) -> None:
    """engine.md, "One law of roles": at the boundary the users are recomputed, without traffic, once."""
    replicas = [open_storage(url, WrongClock(clock, by)) for by in (10 * timedelta(minutes=1), HOUR, -HOUR)]
    told: list[str] = []

    def listen(_: str, effects: Effects) -> None:
        for effect in effects.all:
            if isinstance(effect, RolesChanged):
                told.extend(f"{[*change.added]} {[*change.removed]}" for change in effect.changes)

    for replica in replicas:
        await replica.open()
        replica.subscribe(listen)
    fast, faster, slow = (Steps(replica, "acme/okta") for replica in replicas)
    await faster.put_rules(POLICY, 1)
    ann = await fast.add_user("ann")
    ops = await slow.add_group("Ops", [ann])

    async def all_do() -> None:
        await asyncio.gather(*(DueWork(each.storage, WrongClock(clock, HOUR)).do() for each in (fast, faster, slow)))
        await asyncio.gather(*(each.work_off() for each in (fast, faster, slow)))

    await all_do()
    for steps in (fast, faster, slow):  # writes of all of them go by the same windows
        await steps.change_members(ops, remove=[ann])
        await steps.change_members(ops, add=[ann])
    assert (await slow.roles(ann), told) == (set(), [])
    clock.now = NOON + HOUR
    await all_do()
    await slow.update_user(ann, title="Dr")
    assert (await slow.roles(ann), told) == ({"ops", "late"}, ["['late', 'ops'] []"])
    clock.now = NOON + 2 * HOUR
    await all_do()
    assert told[1:] == ["[] ['ops']"]
    for replica in replicas:
        await replica.close()


async def test_what_a_crash_leaves_of_a_boundary_is_taken_up_again(
    storage: Storage, clock: SetClock, url: str
) -> None:
    """After the window has opened, and before anybody has the role."""
    steps = Steps(storage, "acme/okta")
    await steps.put_rules(POLICY, 1)
    users = await steps.add_users("ann", "bob", "eve")
    await steps.add_group("Ops", users)
    clock.now = NOON + HOUR
    await DueWork(storage, clock).do()
    await storage.write(steps.tenant, lambda writer: writer.recompute_some(1))
    await storage.close()
    await storage.open()
    await DueWork(storage, clock).do()
    await steps.work_off(1)
    assert [await steps.roles(user) for user in users] == [{"ops", "late"}] * 3
