"""Effective roles: they follow memberships, nesting, names of groups and rules, whatever happens at once."""

import asyncio
import itertools
from dataclasses import replace

import pytest

from scim_server.config import GroupSelector
from scim_server.provisioning.roles import Reason
from scim_server.storage.records import GroupReference
from tests.scim_server.storage.steps import Steps, named, named_roles, rules

pytestmark = pytest.mark.databases("sqlite", "postgresql", "pgbouncer")

ADMINS = rules((named("Admins"), ["admin"]), base=["viewer"], fallback=["guest"])


async def test_base_and_fallback_roles(steps: Steps) -> None:
    await steps.put_rules(ADMINS, 1)
    ann = await steps.add_user("ann")
    assert await steps.roles(ann) == {"viewer", "guest"}
    admins = await steps.add_group("admins", [ann])
    assert await steps.roles(ann) == {"viewer", "admin"}
    await steps.change_members(admins, remove=[ann])
    assert await steps.roles(ann) == {"viewer", "guest"}


async def test_an_inactive_user_has_none(steps: Steps) -> None:
    await steps.put_rules(ADMINS, 1)
    ann = await steps.add_user("ann", active=False)
    await steps.add_group("Admins", [ann])
    assert await steps.roles(ann) == set()


async def test_since_survives_what_does_not_end_the_role(steps: Steps) -> None:
    await steps.put_rules(rules((named("Admins"), ["admin"]), (named("Bosses"), ["admin"])), 1)
    ann = await steps.add_user("ann")
    admins = await steps.add_group("Admins", [ann])
    before = await steps.storage.read(steps.tenant, lambda reader: reader.effective_roles([ann]))

    await steps.add_group("Bosses", [ann])
    await steps.change_members(admins, remove=[ann])
    await steps.put_rules(rules((named("Bosses"), ["admin"])), 2)

    after = await steps.storage.read(steps.tenant, lambda reader: reader.effective_roles([ann]))
    [old], [role] = before[ann], after[ann]
    assert (role.value, role.since) == (old.value, old.since)
    assert [reason.rule for reason in role.reasons] == ["r0"]
    assert role.reasons[0].since is not None
    assert role.reasons[0].since > role.since


async def test_reasons(steps: Steps) -> None:
    granted = rules(
        (named("Admins"), ["admin"]), (GroupSelector(external_id="b1"), ["admin", "boss"]), base=["viewer"]
    )
    await steps.put_rules(granted, 1)
    ann = await steps.add_user("ann")
    admins = await steps.add_group("Admins", [ann])
    bosses = await steps.add_group("Bosses", [admins], externalId="b1")

    roles = await steps.storage.read(steps.tenant, lambda reader: reader.effective_roles([ann]))

    explained = {role.value: [replace(reason, since=None) for reason in role.reasons] for role in roles[ann]}
    by_bosses = Reason("acme/roles", "r1", "Bosses", group_id=bosses)
    assert explained == {
        "admin": [Reason("acme/roles", "r0", "Admins", group_id=admins), by_bosses],
        "boss": [by_bosses],
        "viewer": [Reason(source="base")],
    }


async def test_renaming_a_group_changes_what_it_grants(steps: Steps) -> None:
    await steps.put_rules(ADMINS, 1)
    ann = await steps.add_user("ann")
    child = await steps.add_group("Child", [ann])
    group = await steps.add_group("Staff", [child])

    await steps.update_group(group, displayName="Admins")
    assert await steps.roles(ann) == {"viewer", "admin"}
    await steps.update_group(group, displayName="Former admins")
    assert await steps.roles(ann) == {"viewer", "guest"}


async def test_deleting_a_group_takes_its_roles(steps: Steps) -> None:
    await steps.put_rules(ADMINS, 1)
    ann, bob = await steps.add_users("ann", "bob")
    admins = await steps.add_group("Admins", [ann])
    assert await steps.delete_group(admins)
    assert await steps.roles(ann) == {"viewer", "guest"}
    assert not await steps.delete_group(admins)

    child = await steps.add_group("Child", [ann])
    parent = await steps.add_group("Admins", [child, bob])
    assert await steps.roles(ann) == {"viewer", "admin"}
    assert await steps.delete_group(child)
    assert await steps.roles(ann) == {"viewer", "guest"}
    assert await steps.roles(bob) == {"viewer", "admin"}
    assert await steps.member_ids(parent) == {bob}
    record = await steps.group(parent)
    assert record is not None
    assert record.version == 2


async def test_nesting_counts_to_any_depth_and_cycles_end(steps: Steps) -> None:
    await steps.put_rules(ADMINS, 1)
    ann = await steps.add_user("ann")
    chain = [await steps.add_group(f"g{n}") for n in range(5)]
    for parent, child in itertools.pairwise(chain):
        await steps.change_members(parent, add=[child])
    await steps.change_members(chain[-1], add=[ann])
    admins = await steps.add_group("Admins")
    await steps.change_members(admins, add=[chain[0]])
    assert await steps.roles(ann) == {"viewer", "admin"}

    await steps.change_members(chain[-1], add=[admins, chain[-1]])
    assert await steps.roles(ann) == {"viewer", "admin"}
    groups = await steps.storage.read(steps.tenant, lambda reader: reader.groups_of([ann]))
    assert [(group.display, group.direct) for group in groups[ann]] == [
        ("Admins", False),
        *((f"g{n}", False) for n in range(4)),
        ("g4", True),
    ]

    await steps.change_members(chain[1], remove=[chain[2]])
    assert await steps.roles(ann) == {"viewer", "guest"}


async def test_leaving_a_cycle_ends_its_roles(steps: Steps) -> None:
    await steps.put_rules(ADMINS, 1)
    ann = await steps.add_user("ann")
    admins = await steps.add_group("Admins")
    a = await steps.add_group("a", [ann])
    b = await steps.add_group("b", [a])
    await steps.change_members(a, add=[b])
    await steps.change_members(admins, add=[b])
    assert await steps.roles(ann) == {"viewer", "admin"}
    await steps.change_members(admins, remove=[b])
    assert await steps.roles(ann) == {"viewer", "guest"}


async def test_groups_of_several_users(steps: Steps) -> None:
    ann, bob, eve = await steps.add_users("ann", "bob", "eve")
    a = await steps.add_group("A", [ann, bob])
    b = await steps.add_group("b", [ann])
    groups = await steps.storage.read(steps.tenant, lambda reader: reader.groups_of([ann, bob, eve]))
    assert groups == {
        ann: [GroupReference(a, "A", True), GroupReference(b, "b", True)],
        bob: [GroupReference(a, "A", True)],
        eve: [],
    }


async def test_only_real_changes_of_roles_are_told(steps: Steps) -> None:
    await steps.put_rules(ADMINS, 1)
    ann = await steps.add_user("ann")
    await steps.put_rules(rules(base=["viewer", "other"]), 2, work_off=False)
    assert [named_roles(change) for change in await steps.work_off()] == [(ann, {"other"}, {"guest"})]
    assert await steps.work_off() == []


async def _take_other_reason(steps: Steps, how: str, user_id: str, group_id: str) -> None:
    match how:
        case "members":
            await steps.change_members(group_id, remove=[user_id])
        case "deactivation":
            await steps.update_user(user_id, active=False)
        case "deletion":
            await steps.delete_group(group_id)
        case "rename":
            await steps.update_group(group_id, displayName="C")


@pytest.mark.parametrize("how", ["members", "deactivation", "deletion", "rename"])
async def test_two_reasons_taken_at_once_leave_no_role(steps: Steps, how: str) -> None:
    """Each of two transactions that take one of the last two reasons must not count on the other one's."""
    await steps.put_rules(rules((named("A"), ["admin"]), (named("B"), ["admin"])), 1)
    for round_ in range(15):
        ann, bob = await steps.add_users(f"ann{round_}", f"bob{round_}")
        a, b = await steps.add_group("A", [ann, bob]), await steps.add_group("B", [ann, bob])
        assert await steps.roles(ann) == {"admin"}
        await asyncio.gather(steps.change_members(a, remove=[ann]), _take_other_reason(steps, how, ann, b))
        assert await steps.roles(ann) == set()
        assert await steps.roles(bob) == {"admin"}
        for group in (a, b):
            await steps.delete_group(group)
        assert await steps.roles(bob) == set()


async def test_a_change_of_rules_beside_everything_else(steps: Steps) -> None:
    """Whatever order the database takes them in: in the end the roles are what rules and groups say."""
    users = await steps.add_users(*(f"u{n}" for n in range(20)))
    a, b = await steps.add_group("A", users[:10]), await steps.add_group("B", users[10:])
    for revision in range(1, 16):
        wanted = rules(
            (named("A"), [f"a{revision}"]), (named("B"), [f"b{revision % 2}"]), base=[f"base{revision % 3}"]
        )
        new = asyncio.create_task(steps.add_user(f"new{revision}"))
        await asyncio.gather(
            new,
            steps.put_rules(wanted, revision),
            steps.change_members(a, remove=[users[0]]),
            steps.change_members(b, add=[users[0]]),
            steps.change_members(a, add=[users[10 + revision % 10]]),
            steps.update_user(users[5], active=bool(revision % 2)),
            steps.work_off(3),
        )
        await steps.work_off(3)
        members = {"A": await steps.member_ids(a), "B": await steps.member_ids(b)}
        for user in [*users, new.result()]:
            record = await steps.user(user)
            assert record is not None
            expected = {f"base{revision % 3}"} if record.active else set()
            if user in members["A"] and record.active:
                expected.add(f"a{revision}")
            if user in members["B"] and record.active:
                expected.add(f"b{revision % 2}")
            assert await steps.roles(user) == expected
