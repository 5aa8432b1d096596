"""Profiles in the database: what they follow, and that nothing is missed."""

import asyncio
import random
from collections import defaultdict
from typing import Any

import orjson
import pytest

from scim_server.config import AttributeRule, GroupSelector, GroupValue, OnMissing, RoleRule, Update
from scim_server.provisioning.group_names import GroupNames
from scim_server.provisioning.policy import Policy
from scim_server.scim.errors import InvalidValue
from scim_server.scim.patch import MembersDelta
from scim_server.storage.effects import Effects, ExpressionsFailed
from scim_server.storage.protocol import Storage, Writer
from scim_server.storage.tables import profiles
from tests.scim_server.storage.raw_sql import execute
from tests.scim_server.storage.steps import Steps
from tests.support.policies import policy_of
from tests.support.storages import writing


def _rule(target: str, **fields: Any) -> AttributeRule:
    return AttributeRule(mapping="acme/attributes", target=target, **fields)


def _by_group(*pairs: tuple[str, str], **fields: Any) -> AttributeRule:
    values = tuple(GroupValue(group=GroupSelector(display_name=name), value=value) for name, value in pairs)
    return _rule("organization", from_groups=values, **fields)


def _policy(*rules: AttributeRule) -> Policy:
    return policy_of(attributes=rules)


BY_GROUP = _policy(_by_group(("EMEA", "Europe"), ("APAC", "Asia"), default="Default"))


async def _profile(steps: Steps, user_id: str) -> dict[str, Any]:
    record = await steps.user(user_id)
    assert record is not None
    assert record.profile is not None
    return record.profile


async def _organization(steps: Steps, user_id: str) -> object:
    return (await _profile(steps, user_id)).get("organization")


async def _work_off(steps: Steps, limit: int = 1000) -> None:
    while await steps.storage.write(steps.tenant, lambda writer: writer.recompute_some_profiles(limit)):
        pass


async def _updates(steps: Steps) -> list[tuple[str, object]]:
    """Of `user.updated`: the user's name and organization."""
    events = await steps.storage.read(steps.tenant, lambda reader: reader.events_after(0, 1000))
    payloads = [orjson.loads(event.payload) for event in events]
    return [
        (payload["user"]["userName"], payload["user"]["profile"].get("organization"))
        for payload in payloads
        if payload["type"] == "user.updated"
    ]


async def test_a_profile_is_written_with_its_user(steps: Steps) -> None:
    """provisioning.md, "AttributeMapping": path, expression, default, and update OnCreate."""
    policy = _policy(
        _rule("team", expression="user.userName.lowerAscii().split('@')[1]"),
        _rule("organization", path="nickName", default="None", update=Update.ON_CREATE),
    )
    await steps.put_rules(policy, 1)
    ann = await steps.add_user("Ann@Acme.example", title="Boss")
    assert await _profile(steps, ann) == {
        "userName": "Ann@Acme.example", "title": "Boss", "active": True, "team": "acme.example",
        "organization": "None",
    }  # fmt: skip
    await steps.update_user(ann, nickName="Blue")
    await steps.update_user(ann, nickName="Red", title=None, userName="ann@other.example")
    assert await _profile(steps, ann) == {
        "userName": "ann@other.example", "active": True, "team": "other.example", "organization": "Blue",
    }  # fmt: skip

    await steps.put_rules(_policy(), 2)
    await _work_off(steps)
    assert await _organization(steps, ann) is None
    await steps.put_rules(policy, 3)
    await _work_off(steps)
    assert await _organization(steps, ann) == "Blue"


async def test_groups_give_values(steps: Steps) -> None:
    """provisioning.md, "fromGroups": by name, nested to any depth, and after each change of groups."""
    await steps.put_rules(BY_GROUP, 1)
    ann, bob = await steps.add_users("ann", "bob")
    assert await _organization(steps, ann) == "Default"
    team = await steps.add_group("Team", [bob])
    emea = await steps.add_group("emea", [ann, team])
    apac = await steps.add_group("Other", [ann, bob])
    assert (await _organization(steps, ann), await _organization(steps, bob)) == ("Europe", "Europe")
    await steps.update_group(apac, displayName="APAC")
    assert await _organization(steps, ann) == "Europe"  # the first one of the mapping
    await steps.change_members(team, remove=[bob])
    assert await _organization(steps, bob) == "Asia"
    await steps.change_members(team, add=[bob])
    await steps.change_members(emea, remove=[team])
    assert await _organization(steps, bob) == "Asia"
    await steps.update_group(emea, displayName="Renamed")
    assert await _organization(steps, ann) == "Asia"
    await steps.update_user(ann, title="Boss")
    await steps.delete_group(apac)
    assert (await _organization(steps, ann), await _organization(steps, bob)) == ("Default", "Default")
    updates = await _updates(steps)
    of_ann = [organization for name, organization in updates if name == "ann"]
    assert of_ann == ["Europe", "Asia", "Asia", "Default"]  # the third for the title
    of_bob = [organization for name, organization in updates if name == "bob"]
    assert of_bob == ["Europe", "Asia", "Europe", "Asia", "Default"]


async def test_groups_without_values_cost_nothing(steps: Steps) -> None:
    """Only tenants with rules by group pay for them."""
    await steps.put_rules(_policy(_rule("team", path="title")), 1)
    ann = await steps.add_user("ann")
    before = await _profile(steps, ann)
    group = await steps.add_group("EMEA", [ann])
    await steps.update_group(group, displayName="Other")
    assert await _profile(steps, ann) == before
    assert await _updates(steps) == []


async def test_new_rules_act_on_existing_users_in_batches(steps: Steps) -> None:
    await steps.put_rules(BY_GROUP, 1)
    users = await steps.add_users("ann", "bob", "cem", "dan", "eve")
    await steps.add_group("EMEA", users[:2])
    assert len(await _updates(steps)) == 2

    changed = _policy(_by_group(("EMEA", "Europe!"), default="Default"))
    await steps.put_rules(changed, 2)
    assert steps.tenant in await steps.storage.tenants_with_pending_profiles()
    assert await steps.storage.write(steps.tenant, lambda writer: writer.recompute_some_profiles(2))
    await steps.put_rules(_policy(_by_group(("EMEA", "Europa"), default="Default")), 3)  # while the walk is under way
    await _work_off(steps, limit=2)
    assert [await _organization(steps, user) for user in users] == ["Europa", "Europa", *["Default"] * 3]
    assert steps.tenant not in await steps.storage.tenants_with_pending_profiles()
    await _work_off(steps)
    of_ann = [organization for name, organization in await _updates(steps) if name == "ann"]
    assert of_ann in (["Europe", "Europa"], ["Europe", "Europe!", "Europa"])  # as the walk had come by or not
    assert {name for name, _ in await _updates(steps)} == {"ann", "bob"}

    await steps.put_rules(policy_of(attributes=changed.config.attributes, base_roles=["viewer"]), 4)
    await steps.put_rules(policy_of(attributes=changed.config.attributes), 5)
    await _work_off(steps)
    told = len(await _updates(steps))
    await steps.put_rules(policy_of(attributes=changed.config.attributes, base_roles=["viewer"]), 6)
    assert steps.tenant not in await steps.storage.tenants_with_pending_profiles()
    assert len(await _updates(steps)) == told


async def test_a_change_of_a_large_group_is_worked_off_later(steps: Steps, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profiles, "MOST_AT_COMMIT", 2)
    await steps.put_rules(BY_GROUP, 1)
    users = await steps.add_users("ann", "bob", "cem")
    group = await steps.add_group("EMEA", users)
    await steps.change_members(group, remove=[users[0]])
    assert [await _organization(steps, user) for user in users] == ["Default"] * 3
    await _work_off(steps, limit=1)
    assert [await _organization(steps, user) for user in users] == ["Default", "Europe", "Europe"]


async def test_a_server_that_knows_no_profiles_leaves_none_behind(steps: Steps, url: str) -> None:
    """One of an older version, beside this one, inserts users without and changes users with one."""
    await steps.put_rules(_policy(_rule("organization", path="title")), 1)
    ann = await steps.add_user("ann", title="Boss")
    old = '{"organization": "Old"}'
    await execute(url, f"UPDATE users SET version = version + 1, profile = '{old}' WHERE tenant = '{steps.tenant}'")
    record = await steps.user(ann)
    assert record is not None
    assert record.profile is None
    await _work_off(steps)
    assert await _organization(steps, ann) == "Boss"
    assert await _updates(steps) == []


async def test_a_missing_value_is_refused_where_the_provider_writes(steps: Steps) -> None:
    """provisioning.md, "onMissing: Reject": never for a change that the provider doesn't make."""
    ann = await steps.add_user("ann")
    bob = await steps.add_user("bob", title="Boss")
    group = await steps.add_group("EMEA", [bob])
    await steps.put_rules(_policy(_rule("organization", path="title", on_missing=OnMissing.REJECT)), 1)
    await _work_off(steps)
    await steps.update_group(group, displayName="Other")
    assert await _organization(steps, ann) is None
    with pytest.raises(InvalidValue, match="title: a value is expected, of which acme/attributes makes"):
        await steps.add_user("cem")
    with pytest.raises(InvalidValue):
        await steps.update_user(bob, title=None)
    with pytest.raises(InvalidValue):
        await steps.update_user(ann, nickName="A")
    await steps.update_user(ann, active=False)  # nobody is kept by a mapping
    await steps.add_user("dan", active=False)
    with pytest.raises(InvalidValue):
        await steps.update_user(ann, active=True)
    await steps.update_user(ann, active=True, title="Boss")
    assert await _organization(steps, ann) == "Boss"


async def test_failed_expressions_are_told(steps: Steps, storage: Storage) -> None:
    """provisioning.md, "An expression that fails for a user is missing": it fails no request."""
    heard: list[ExpressionsFailed] = []

    def listen(tenant: str, effects: Effects) -> None:
        if tenant == steps.tenant:
            heard.extend(effect for effect in effects.all if isinstance(effect, ExpressionsFailed))

    storage.subscribe(listen)
    await steps.put_rules(_policy(_rule("organization", expression="user.title + 1", default="None")), 1)
    await steps.add_user("ann", title="Secret")
    bob = await steps.add_user("bob")
    assert await _organization(steps, bob) == "None"
    (failed,) = heard
    assert [(one.mapping, one.part, one.reason) for one in failed.failures] == [
        ("acme/attributes", "organization", "string + int: the two can't be combined")
    ]
    cem = await steps.add_user("cem", title="Secret too")
    found = await steps.storage.read(steps.tenant, lambda reader: reader.profile_failures())
    assert {(failure.part, users) for failure, users in found.items()} == {("organization", 2)}
    await steps.update_user(cem, title=None)
    await steps.put_rules(_policy(_rule("team", expression="1 / 0")), 2)
    await _work_off(steps)
    found = await steps.storage.read(steps.tenant, lambda reader: reader.profile_failures())
    assert {(failure.part, users) for failure, users in found.items()} == {("team", 3)}


async def test_failed_conditions_of_rules_are_told(steps: Steps, storage: Storage) -> None:
    """provisioning.md, "when": a condition that fails is false, and fails no request."""
    heard: list[tuple[str, str, str]] = []

    def listen(tenant: str, effects: Effects) -> None:
        for effect in effects.all:
            if tenant == steps.tenant and isinstance(effect, ExpressionsFailed):
                heard.extend((one.mapping, one.part, one.reason) for one in effect.failures)

    storage.subscribe(listen)
    rule = RoleRule(mapping="acme/roles", rule="staff", when="user.title < 1", roles=("admin",))
    await steps.put_rules(policy_of([rule]), 1)
    ann = await steps.add_user("ann", title="Boss")
    await steps.update_user(ann, nickName="A")
    assert heard == [("acme/roles", "staff", "an operation doesn't fit the types of its operands")] * 2


async def test_who_joins_a_nested_group_while_the_outer_one_is_renamed_is_not_missed(steps: Steps) -> None:
    """The renaming transaction waits for those that share the tenant: it sees what they have written."""
    await steps.put_rules(BY_GROUP, 1)
    ann = await steps.add_user("ann")
    inner = await steps.add_group("Team")
    outer = await steps.add_group("Other", [inner])

    async def join(writer: Writer) -> None:
        group = await writer.lock_group(inner)
        assert group is not None
        await writer.change_members(group, MembersDelta(add=frozenset([ann])))

    async with writing(steps.storage, steps.tenant, join) as end:
        renaming = asyncio.create_task(steps.update_group(outer, displayName="EMEA"))
        await asyncio.sleep(0)
        await end()
        await renaming
    assert await _organization(steps, ann) == "Europe"


async def test_stored_profiles_are_what_is_computed_from_scratch(steps: Steps) -> None:
    """After any sequence of writes, changes of mappings and of groups."""
    chance = random.Random(7)
    policies = [
        BY_GROUP,
        _policy(
            _by_group(("APAC", "Asia"), ("EMEA", "Europe")), _rule("team", expression="user.title + user.nickName")
        ),
        _policy(_rule("organization", path="title", default="none"), _rule("team", expression="size(user.title)")),
        _policy(),
    ]
    revision = 1
    policy = policies[0]
    await steps.put_rules(policy, revision)
    users = await steps.add_users(*"abcdef")
    groups = [await steps.add_group(name) for name in ("EMEA", "APAC", "Team", "Sub")]
    for _ in range(60):
        match chance.randrange(6):
            case 0:
                await steps.update_user(chance.choice(users), title=chance.choice([None, "x", "yy"]))
            case 1 | 2:
                members = chance.sample(users, 2)
                await steps.change_members(chance.choice(groups), add=members[:1], remove=members[1:])
            case 3:
                parent, child = chance.sample(groups, 2)
                if chance.random() < 0.5:
                    await steps.change_members(parent, add=[child])
                else:
                    await steps.change_members(parent, remove=[child])
            case 4:
                renamed = chance.choice(groups)
                names = {"EMEA", "APAC", "Team", "Sub", "Other"}
                for group in groups:
                    stored = await steps.group(group)
                    assert stored is not None
                    names.discard(stored.document["displayName"])
                await steps.update_group(renamed, displayName=chance.choice(sorted(names)))
            case _:
                revision += 1
                policy = chance.choice(policies)
                await steps.put_rules(policy, revision)
                if chance.random() < 0.5:
                    await steps.storage.write(steps.tenant, lambda writer: writer.recompute_some_profiles(2))
    await _work_off(steps, limit=2)
    reached = await _reached(steps, users, groups)
    for user in users:
        record = await steps.user(user)
        assert record is not None
        resource = {"id": user, **record.document, "active": record.active}
        assert record.profile == policy.profile.compute(resource, reached[user]).values


async def _reached(steps: Steps, users: list[str], groups: list[str]) -> dict[str, list[GroupNames]]:
    parents: dict[str, set[str]] = defaultdict(set)
    for group in groups:
        for member in await steps.member_ids(group):
            parents[member].add(group)
    found: dict[str, list[GroupNames]] = {}
    for user in users:
        above: set[str] = set()
        left = [user]
        while left:
            new = parents[left.pop()] - above
            above |= new
            left += new
        records = [await steps.group(group) for group in sorted(above)]
        found[user] = [profiles.group_names(record.id, record.document) for record in records if record is not None]
    return found
