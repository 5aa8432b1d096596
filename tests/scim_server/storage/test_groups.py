"""Groups as rows, and their members: a delta at a time."""

import asyncio
import random
import uuid

import pytest

from scim_server.storage.errors import DisplayNameTaken, UnknownMembers
from scim_server.storage.records import GroupRecord, Member
from tests.scim_server.storage.steps import Steps, named, rules

pytestmark = pytest.mark.databases("sqlite", "postgresql", "pgbouncer")


async def test_a_group_is_read_as_it_was_written(steps: Steps) -> None:
    group_id = await steps.add_group("Staff", externalId="00g1")
    group = await steps.group(group_id)
    assert group is not None
    assert group.document == {"displayName": "Staff", "externalId": "00g1"}
    assert (group.version, group.created) == (1, group.modified)


async def test_display_names_are_unique_without_case(steps: Steps) -> None:
    staff = await steps.add_group("Staff")
    other = await steps.add_group("Other")
    with pytest.raises(DisplayNameTaken) as taken:
        await steps.add_group("STAFF")
    assert taken.value.existing_id == staff
    with pytest.raises(DisplayNameTaken) as taken:
        await steps.update_group(other, displayName="staff")
    assert taken.value.existing_id == staff
    assert (await steps.update_group(staff, displayName="STAFF")).version == 2


async def test_parallel_renames_to_one_name_give_one_group(steps: Steps) -> None:
    groups = [await steps.add_group(f"g{n}") for n in range(6)]
    results = await asyncio.gather(
        *(steps.update_group(group, displayName="Staff") for group in groups), return_exceptions=True
    )
    assert sum(isinstance(result, GroupRecord) for result in results) == 1
    assert sum(isinstance(result, DisplayNameTaken) for result in results) == len(groups) - 1


async def test_only_what_changed_is_told(steps: Steps) -> None:
    ann, bob, eve = await steps.add_users("ann", "bob", "eve")
    staff = await steps.add_group("Staff", [ann, bob])

    changed = await steps.change_members(staff, add=[bob, eve], remove=[ann, str(uuid.uuid4()), "no id"])

    assert (changed.added_users, changed.removed_users) == ([eve], [ann])
    assert await steps.member_ids(staff) == {bob, eve}
    assert not await steps.change_members(staff, add=[bob, eve], remove=[ann])
    group = await steps.group(staff)
    assert group is not None
    assert group.version == 2


async def test_replacing_members_writes_the_difference(steps: Steps) -> None:
    ann, bob, eve = await steps.add_users("ann", "bob", "eve")
    child = await steps.add_group("Child")
    staff = await steps.add_group("Staff", [ann, bob, child])

    changed = await steps.change_members(staff, replace=[bob, eve])

    assert (changed.added_users, changed.removed_users) == ([eve], [ann])
    assert (changed.added_groups, changed.removed_groups) == ([], [child])
    assert not await steps.change_members(staff, replace=[eve, bob])
    assert await steps.change_members(staff, replace=[])
    assert await steps.members(staff) == []


@pytest.mark.parametrize("how", ["add", "replace"])
async def test_unknown_members_are_named_and_nothing_changes(steps: Steps, how: str) -> None:
    ann = await steps.add_user("ann")
    staff = await steps.add_group("Staff", [ann])
    unknown = str(uuid.uuid4())
    for bad in ([unknown], ["no id"]):
        with pytest.raises(UnknownMembers) as raised:
            await steps.change_members(staff, **{how: [ann, *bad]})
        assert list(raised.value.ids) == bad
    assert await steps.member_ids(staff) == {ann}


async def test_members_come_in_chunks_in_the_order_of_ids(steps: Steps) -> None:
    users = await steps.add_users(*(f"u{n}" for n in range(25)))
    child = await steps.add_group("Child")
    shown = await steps.add_user("shown", displayName="Shown")
    staff = await steps.add_group("Staff", [*users, child, shown])

    members = await steps.members(staff, chunk=4)

    assert [member.id for member in members] == sorted([*users, child, shown])
    assert Member(child, "Group", "Child") in members
    assert Member(shown, "User", "Shown") in members
    assert Member(users[3], "User", "u3") in members
    without_names = await steps.members(staff, chunk=4, names=False)
    assert without_names == [Member(member.id, member.kind, None) for member in members]


@pytest.mark.databases("sqlite", "postgresql")  # long, and nothing in it that a pooler could break
async def test_a_large_group(steps: Steps) -> None:
    await steps.put_rules(rules((named("Everyone"), ["reader"])), 1)
    users: list[str] = []
    for start in range(0, 6000, 2000):
        users += await steps.add_users(*(f"u{n}" for n in range(start, start + 2000)))
    everyone = await steps.add_group("Everyone")

    changed = await steps.change_members(everyone, add=users)
    assert len(changed.added_users) == len(users)
    await steps.work_off()
    changed = await steps.change_members(everyone, replace=users[1:])
    assert (changed.added_users, changed.removed_users) == ([], [users[0]])
    assert await steps.roles(users[0]) == set()
    assert await steps.roles(users[-1]) == {"reader"}
    changed = await steps.change_members(everyone, remove=users)
    assert len(changed.removed_users) == len(users) - 1
    assert steps.tenant in await steps.storage.pending_tenants()
    await steps.work_off()
    assert (
        await steps.find_users(
            'urn:scim-operator:params:scim:schemas:extension:effective:2.0:User:roles.value eq "reader"'
        )
        == set()
    )


async def test_parallel_changes_of_one_group_lose_none(steps: Steps) -> None:
    users = await steps.add_users(*(f"u{n}" for n in range(60)))
    staff = await steps.add_group("Staff", users[:30])
    await asyncio.gather(
        *(steps.change_members(staff, remove=[user]) for user in users[:30]),
        *(steps.change_members(staff, add=[user]) for user in users[30:]),
    )
    assert await steps.member_ids(staff) == set(users[30:])
    group = await steps.group(staff)
    assert group is not None
    assert group.version == 61


async def test_changes_in_opposite_orders_end(steps: Steps) -> None:
    await steps.put_rules(rules((named("A"), ["a"]), (named("B"), ["b"])), 1)
    users = await steps.add_users(*(f"u{n}" for n in range(30)))
    groups = [await steps.add_group(name) for name in ("A", "B", "C")]
    seed = random.Random(7)
    async with asyncio.timeout(60):
        for _ in range(5):
            await asyncio.gather(
                *(
                    steps.change_members(seed.choice(groups), **{how: seed.sample(users, 20)})
                    for how in ("add", "remove", "replace") * 4
                ),
                *(steps.update_user(user, active=seed.random() < 0.5) for user in seed.sample(users, 5)),
            )
    members = [await steps.member_ids(group) for group in groups]
    for user in users:
        record = await steps.user(user)
        assert record is not None
        expected = {role for role, ids in zip("ab", members, strict=False) if user in ids} if record.active else set()
        assert await steps.roles(user) == expected


async def test_members_deleted_meanwhile_leave_no_trace(steps: Steps) -> None:
    for round_ in range(10):
        users = await steps.add_users(*(f"r{round_}u{n}" for n in range(6)))
        groups = [await steps.add_group(f"r{round_}g{n}") for n in range(2)]
        results = await asyncio.gather(
            *(steps.change_members(group, add=users) for group in groups),
            *(steps.delete_user(user) for user in users[:3]),
            return_exceptions=True,
        )
        assert all(not isinstance(result, Exception) or isinstance(result, UnknownMembers) for result in results)
        for group in groups:
            assert await steps.member_ids(group) <= set(users[3:])
        for user in users[:3]:
            assert await steps.find_groups(f'members.value eq "{user}"') == set()
