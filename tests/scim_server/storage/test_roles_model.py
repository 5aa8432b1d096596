"""Roles after any sequence of changes are what a plain reading of groups and rules says."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from scim_server.config import GroupSelector
from scim_server.provisioning.lifecycle import State
from scim_server.provisioning.policy import Policy
from scim_server.provisioning.roles import ReachedGroup, reasons_of
from scim_server.storage.protocol import Storage
from tests.scim_server.storage.steps import Steps, named, rules
from tests.support.examples import few
from tests.support.policies import policy_of

USERS = 4
GROUPS = 4
NAMES = ("Admins", "admins 2", "Staff", "Other", "Ops", "Devs")
RULES = (
    policy_of((), (), ()),
    rules((named("admins"), ["admin"]), base=["viewer"], fallback=["guest"]),
    rules((named("Staff"), ["staff"]), (named("Admins"), ["admin", "staff"]), fallback=["guest"]),
    rules((GroupSelector(display_name_pattern="(?i)admins.*"), ["admin"]), (named("Ops"), ["ops"]), base=["viewer"]),
)

Operation = tuple[str, int, int]


@dataclass
class Model:
    """Plain sets and a search, instead of tables."""

    rules: Policy = RULES[0]
    active: dict[int, bool] = field(default_factory=lambda: dict.fromkeys(range(USERS), True))
    names: dict[int, str] = field(default_factory=lambda: dict(enumerate(NAMES[:GROUPS])))
    users: set[tuple[int, int]] = field(default_factory=set)
    """(group, user)"""
    nested: set[tuple[int, int]] = field(default_factory=set)
    """(group, member group)"""

    def roles(self, user: int) -> set[str]:
        if not self.active[user]:
            return set()
        reached = {group for group, member in self.users if member == user}
        while more := {group for group, child in self.nested if child in reached} - reached:
            reached |= more
        mapped = {grant.role for group in reached for grant in self.rules.grants_of(self.names[group], None)}
        return mapped | {*self.rules.base_roles} | (set() if mapped else {*self.rules.fallback_roles})

    def forget_group(self, group: int) -> None:
        del self.names[group]
        self.users = {pair for pair in self.users if pair[0] != group}
        self.nested = {pair for pair in self.nested if group not in pair}


def operations() -> st.SearchStrategy[list[Operation]]:
    kinds = st.sampled_from(
        [
            "join",
            "join",
            "join",
            "leave",
            "nest",
            "nest",
            "unnest",
            "rename",
            "activate",
            "rules",
            "delete",
            "replace",
        ]
    )
    return st.lists(st.tuples(kinds, st.integers(0, 5), st.integers(0, 5)), min_size=8, max_size=30)


_worlds = iter(range(10**9))


@given(operations())
@settings(
    max_examples=few(30),
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
async def test_roles_follow(storage: Storage, tenant: str, sequence: list[Operation]) -> None:
    steps = Steps(storage, f"{tenant}-{next(_worlds)}")
    model = Model()
    users = dict(enumerate(await steps.add_users(*(f"u{n}" for n in range(USERS)))))
    groups = {number: await steps.add_group(name) for number, name in model.names.items()}
    for revision, (kind, first, second) in enumerate(sequence, start=1):
        group, user = first % GROUPS, second % USERS
        if kind == "rules":
            model.rules = RULES[first % len(RULES)]
            await steps.put_rules(model.rules, revision)
        elif kind == "activate":
            model.active[user] = bool(first % 2)
            await steps.update_user(users[user], active=model.active[user])
        elif group in groups:
            await _change_group(steps, model, users, groups, (kind, group, second))
        for number, user_id in users.items():
            assert await steps.roles(user_id) == model.roles(number), sequence[:revision]
    await _both_laws_agree(steps, model, users)


async def _both_laws_agree(steps: Steps, model: Model, users: Mapping[int, str]) -> None:
    """What the database holds is what the pure law says of the groups that reach each user."""
    roles = await steps.storage.read(steps.tenant, lambda reader: reader.effective_roles([*users.values()]))
    groups = await steps.storage.read(steps.tenant, lambda reader: reader.groups_of([*users.values()]))
    for number, user_id in users.items():
        reached = [ReachedGroup(group.id, group.display) for group in groups[user_id]]
        state = State.ACTIVE if model.active[number] else State.DEACTIVATED
        wanted = reasons_of(model.rules, state, reached, (), datetime.now(UTC))
        held = {role.value: {replace(reason, since=None) for reason in role.reasons} for role in roles[user_id]}
        assert held == wanted


async def _change_group(
    steps: Steps, model: Model, users: Mapping[int, str], groups: dict[int, str], operation: Operation
) -> None:
    kind, group, second = operation
    user, child = second % USERS, second % GROUPS
    match kind:
        case "join":
            model.users.add((group, user))
            await steps.change_members(groups[group], add=[users[user]])
        case "leave":
            model.users.discard((group, user))
            await steps.change_members(groups[group], remove=[users[user]])
        case "nest" if child in groups:
            model.nested.add((group, child))
            await steps.change_members(groups[group], add=[groups[child]])
        case "unnest" if child in groups:
            model.nested.discard((group, child))
            await steps.change_members(groups[group], remove=[groups[child]])
        case "replace":
            wanted = {user, (user + 1) % USERS}
            model.users = {pair for pair in model.users if pair[0] != group} | {(group, one) for one in wanted}
            model.nested = {pair for pair in model.nested if pair[0] != group}
            await steps.change_members(groups[group], replace=[users[one] for one in wanted])
        case "rename" if NAMES[second] not in model.names.values():
            model.names[group] = NAMES[second]
            await steps.update_group(groups[group], displayName=NAMES[second])
        case "delete":
            model.forget_group(group)
            await steps.delete_group(groups.pop(group))
        case _:
            pass
