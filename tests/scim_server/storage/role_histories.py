"""Made-up histories of one tenant: what a storage is asked to do, and what the law says of it, from scratch.

Several steps share a transaction, which may fail at its end. Policies are followed in batches that stop anywhere.
"""

import random
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

from scim_server.config import GroupSelector, ProviderRoles, Role, RoleRule
from scim_server.provisioning.conditions import user_of_conditions
from scim_server.provisioning.lifecycle import State
from scim_server.provisioning.policy import Policy
from scim_server.provisioning.roles import EffectiveRole, HeldGrant, ReachedGroup, Reason, reasons_of
from scim_server.scim.patch import MembersDelta
from scim_server.storage.protocol import Reader, Storage, Writer
from scim_server.storage.records import LockedGroup, UserRecord
from tests.support.policies import policy_of

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
NAMES = ("Admins", "admins 2", "Staff", "Ops", "Other")
TITLES = (None, "Boss", "Dr", 7)
SENT = ((), ("admin",), ("ops", "unknown"))

_BOSS, _NO_BOSS = 'user.title == "Boss"', 'has(user.title) && user.title != "Boss"'
_CATALOGUE = tuple(Role(name=name) for name in ("admin", "staff", "ops", "boss", "viewer", "guest"))


def _rule(name: str, roles: str, group: str | None = None, pattern: str | None = None, **fields: Any) -> RoleRule:
    groups = []
    if group is not None:
        groups.append(GroupSelector(display_name=group))
    if pattern is not None:
        groups.append(GroupSelector(display_name_pattern=pattern))
    return RoleRule(mapping="acme/roles", rule=name, groups=tuple(groups), roles=tuple(roles.split()), **fields)


def _policy(*rules: RoleRule, base: str = "", fallback: str = "", accept: bool = False) -> Policy:
    accepted = ProviderRoles.ACCEPT if accept else ProviderRoles.IGNORE
    fields = {"roles": _CATALOGUE, "provider_roles": accepted}
    return policy_of(rules, base.split(), fallback.split(), HOUR, **fields)


_SOON: dict[str, Any] = {"not_before": NOON + HOUR, "not_after": NOON + 3 * HOUR}
_LATER: dict[str, Any] = {"not_before": NOON + 2 * HOUR}
POLICIES = (
    _policy(fallback="guest"),
    _policy(_rule("a", "admin", "admins"), base="viewer", fallback="guest"),
    _policy(_rule("a", "admin staff", "Admins"), _rule("s", "staff", "staff"), fallback="guest"),
    _policy(_rule("p", "admin", pattern="(?i)admins.*"), _rule("o", "ops", "Ops"), base="viewer", accept=True),
    _policy(_rule("a", "admin", "admins", when=_BOSS), _rule("b", "boss", when=_BOSS), fallback="guest"),
    _policy(_rule("a", "admin", "admins", when=_NO_BOSS), _rule("b", "boss viewer", when=_NO_BOSS), base="viewer"),
    _policy(_rule("a", "admin", "admins", **_SOON), _rule("b", "boss", when="true", **_LATER), fallback="guest"),
    _policy(_rule("a", "admin", "admins", not_after=NOON + HOUR), _rule("s", "staff", "Staff", when=_BOSS, **_SOON)),
)


@dataclass
class User:
    document: dict[str, Any]
    state: State = State.ACTIVE
    deactivate_at: datetime | None = None
    reasons: Mapping[str, frozenset[Reason]] = field(default_factory=dict)

    @property
    def active(self) -> bool:
        return bool(self.document["active"])


@dataclass
class World:
    """Plain sets, instead of tables."""

    policy: Policy
    now: datetime = NOON
    users: dict[str, User] = field(default_factory=dict)
    groups: dict[str, str] = field(default_factory=dict)
    """Display names by id."""
    members: set[tuple[str, str]] = field(default_factory=set)
    """(group, user or group)"""
    held: set[HeldGrant] = field(default_factory=set)

    def copy(self) -> "World":
        users = {user_id: replace(user) for user_id, user in self.users.items()}
        return replace(self, users=users, groups={**self.groups}, members={*self.members}, held={*self.held})

    def begin_with(self, policy: Policy) -> None:
        before, self.policy = self._grants(), policy
        self._let_go(before)

    def rename(self, group_id: str, name: str) -> None:
        before, self.groups[group_id] = self._grants(), name
        self._let_go(before)

    def _let_go(self, before: set[object]) -> None:
        """What earlier changes have lost concerns few users: the next one lets it happen (`tables/role_holds.py`)."""
        if self._grants() != before:
            self.held.clear()

    def _grants(self) -> set[object]:
        """All that is written down of what the policy gives."""
        of_groups = {
            (group, grant)
            for group, name in self.groups.items()
            for grant in self.policy.grants_of(name, None, group)
        }
        defaults = {("base", *self.policy.base_roles), ("fallback", *self.policy.fallback_roles)}
        return {*of_groups, *self.policy.general_grants, *defaults}

    def reached(self, user_id: str) -> list[ReachedGroup]:
        found: set[str] = set()
        more = {user_id}
        while more := {group for group, member in self.members if member in more} - found:
            found |= more
        return [ReachedGroup(group, self.groups[group]) for group in sorted(found)]

    def follow(self) -> None:
        """Everyone's reasons, from scratch."""
        for user_id, user in self.users.items():
            verdicts = self.policy.conditions.of(user_of_conditions(user_id, user.document, user.active)).true
            reached = self.reached(user_id)
            user.reasons = reasons_of(
                self.policy, user.state, reached, verdicts, self.now, before=user.reasons, held=self.held
            )

    def pass_time(self, now: datetime) -> None:
        self.now = now
        for user in self.users.values():
            if user.deactivate_at is not None and user.deactivate_at <= now:
                user.state, user.deactivate_at = State.DEACTIVATED, None
        self.follow()


_Step: TypeAlias = Callable[[Writer], Awaitable[None]]


class _Crash(Exception):
    pass


class History:
    """`replicas`: storages on one database, each with what it remembers of policies."""

    def __init__(self, replicas: tuple[Storage, ...], tenant: str, seed: int) -> None:
        self._replicas = replicas
        self.tenant = tenant
        self._random = random.Random(seed)
        self._revision = 0
        self._hold = 0
        self._numbers = iter(range(10**6))
        self.world = World(POLICIES[0])
        self.told: list[str] = []
        """What was done, for who reads of a failure."""
        self._since: dict[tuple[str, str], datetime] = {}
        """Of roles that were there at the last look and have not been lost since."""

    async def begin(self) -> None:
        await self._put(self._random.choice(POLICIES))

        async def work(writer: Writer) -> None:
            for _ in range(3):
                await self._add_user(writer)
            for name in self._random.sample(NAMES, 3):
                await self._add_group(writer, name)

        await self._transaction(work, crash=False)

    async def go_on(self, now: datetime) -> None:
        """Some transactions at one time."""
        await self._work_off_if_held()
        self.world.pass_time(now)
        await self._work_off_if_held()
        for _ in range(self._random.randint(1, 3)):
            kind = self._random.random()
            if kind < 0.25:
                await self._put(self._random.choice(POLICIES))
            elif kind < 0.33:
                await self._put_with_hold(self._random.choice(POLICIES))
            elif kind < 0.55:
                await self.work_off(batches=1)
            else:
                await self._some_steps()
            self._forget_lost()

    async def work_off(self, batches: int = 100) -> None:
        limit = 100 if batches > 1 else self._random.randint(1, 2)
        while batches and await self._write(lambda writer: writer.recompute_some(limit)) is not None:
            batches -= 1

    async def check(self) -> None:
        """The database holds what the law says, and each role and reason since when it has held."""
        await self.work_off()
        users = self.world.users
        replica = self._random.choice(self._replicas)

        async def read(
            reader: Reader,
        ) -> tuple[Mapping[str, Sequence[EffectiveRole]], Mapping[str, UserRecord | None]]:
            return await reader.effective_roles([*users]), {each: await reader.user(each) for each in users}

        roles, records = await replica.read(self.tenant, read)
        for user_id, user in users.items():
            held = {role.value: {replace(reason, since=None) for reason in role.reasons} for role in roles[user_id]}
            wanted = {role: {replace(reason, since=None) for reason in why} for role, why in user.reasons.items()}
            assert held == self._named(wanted), (user_id, held, self._named(wanted), self.told)
            for role in roles[user_id]:
                key = user_id, role.value
                assert role.since == self._since.setdefault(key, role.since), self.told
                assert all(role.since <= (reason.since or NOON) <= self.world.now for reason in role.reasons), (
                    self.told
                )
            record = records[user_id]
            assert record is not None
            state = record.state, record.deactivate_at
            assert state == (user.state, user.deactivate_at), (user_id, state, user, self.world.now, self.told)

    def _named(self, reasons: Mapping[str, Iterable[Reason]]) -> Mapping[str, set[Reason]]:
        """With the names that the groups have now: those that a hold keeps were given under others."""
        groups = self.world.groups
        return {
            role: {replace(each, group=groups[each.group_id] if each.group_id else None) for each in why}
            for role, why in reasons.items()
        }

    def _forget_lost(self) -> None:
        users = self.world.users
        for user_id, role in [*self._since]:
            if user_id not in users or role not in users[user_id].reasons:
                del self._since[user_id, role]

    async def _write(self, work: Callable[[Writer], Awaitable[Any]], *, exclusive: bool = False) -> Any:
        return await self._random.choice(self._replicas).write(self.tenant, work, exclusive=exclusive)

    async def _transaction(self, work: Callable[[Writer], Awaitable[None]], *, crash: bool) -> None:
        """A work may be repeated: each time it begins with the same world and the same chance."""
        world, chance, told = self.world, self._random.getstate(), len(self.told)
        replica = self._random.choice(self._replicas)

        async def repeatable(writer: Writer) -> None:
            self.world = world.copy()
            self._random.setstate(chance)
            del self.told[told:]
            await work(writer)
            if crash:
                raise _Crash

        try:
            await replica.write(self.tenant, repeatable)
        except _Crash:
            self.world = world
            self.told.append("that failed")

    async def _put(self, policy: Policy) -> None:
        await self._work_off_if_held()
        self._revision += 1
        revision = self._revision
        await self._write(lambda writer: writer.put_rules(policy, revision), exclusive=True)
        if self._random.random() < 0.2:  # from a replica that is behind
            stale = self._random.choice(POLICIES)
            assert not await self._write(lambda writer: writer.put_rules(stale, revision - 1), exclusive=True)
        self.told.append(f"policy {POLICIES.index(policy)}")
        self.world.begin_with(policy)
        self.world.follow()
        await self._work_off_if_held()

    async def _work_off_if_held(self) -> None:
        """Held grants keep what users have: so it matters what has come to them."""
        if self.world.held:
            await self.work_off()

    async def _put_with_hold(self, policy: Policy) -> None:
        """All that is lost by it is held."""
        await self.work_off()
        self._revision += 1
        revision, world = self._revision, self.world
        lost = [*_grants(world, world.policy) - _grants(world, policy)]
        self._hold += 1
        hold = f"h{self._hold}"

        async def work(writer: Writer) -> None:
            await writer.put_rules(policy, revision)
            await writer.hold_grants(hold, lost)

        await self._write(work, exclusive=True)
        self.told.append(f"policy {POLICIES.index(policy)}, losses held")
        self.world.begin_with(policy)
        world.held |= {*lost}
        world.follow()
        await self.work_off()

    async def _some_steps(self) -> None:
        async def work(writer: Writer) -> None:
            if self._random.random() < 0.2:
                await self._step(writer, (self._delete_user, self._delete_group))
                return
            for _ in range(self._random.randint(1, 4)):
                await self._step(
                    writer,
                    (
                        *[self._join] * 2,
                        self._leave,
                        self._replace,
                        self._rename,
                        *[self._write_user] * 2,
                        self._add_user,
                    ),
                )

        await self._transaction(work, crash=self._random.random() < 0.1)

    async def _step(self, writer: Writer, steps: tuple[_Step, ...]) -> None:
        step, world = self._random.choice(steps), self.world
        if not world.users:
            step = self._add_user
        elif not world.groups:
            await self._add_group(writer, self._random.choice(NAMES))
        await step(writer)
        world.follow()

    async def _add_user(self, writer: Writer) -> None:
        active = self._random.random() < 0.9
        document = {"userName": f"u{next(self._numbers)}", **self._attributes(), "active": active}
        record = await writer.insert_user(document, active)
        self.told.append(f"new user {record.id[:4]} {document}")
        self.world.users[record.id] = User(document, record.state, record.deactivate_at)
        self.world.follow()

    def _attributes(self) -> dict[str, Any]:
        title, sent = self._random.choice(TITLES), self._random.choice(SENT)
        return {"title": title} | {"roles": [{"value": role} for role in sent]} if title is not None else {}

    async def _write_user(self, writer: Writer) -> None:
        user_id = self._random.choice([*self.world.users])
        user = self.world.users[user_id]
        document = {
            "userName": user.document["userName"],
            **self._attributes(),
            "active": self._random.random() < 0.7,
        }
        record = await writer.lock_user(user_id)
        assert record is not None
        self.told.append(f"user {user_id[:4]} {document}")
        updated = await writer.update_user(record, document, document["active"])
        if document["active"]:
            user.state, user.deactivate_at = State.ACTIVE, None
        elif user.active:
            user.state, user.deactivate_at = State.BLOCKED, updated.modified + HOUR
        user.document = document

    async def _delete_user(self, writer: Writer) -> None:
        user_id = self._random.choice([*self.world.users])
        locked = await writer.lock_user_with_groups(user_id)
        assert locked is not None
        self.told.append(f"delete user {user_id[:4]}")
        await writer.delete_user(locked)
        del self.world.users[user_id]
        self.world.members = {pair for pair in self.world.members if user_id not in pair}

    async def _add_group(self, writer: Writer, name: str) -> None:
        document = {"displayName": name}
        group = await writer.insert_group(document, (await writer.policy()).grants_of(name, None))
        self.told.append(f"new group {group.record.id[:4]} {name}")
        self.world.groups[group.record.id] = name

    async def _group(self, writer: Writer) -> LockedGroup:
        group = await writer.lock_group(self._random.choice([*self.world.groups]))
        assert group is not None
        return group

    async def _join(self, writer: Writer) -> None:
        group = await self._group(writer)
        member = self._random.choice([*self.world.users, *self.world.groups])
        self.told.append(f"{member[:4]} joins {group.record.id[:4]}")
        await writer.change_members(group, MembersDelta(add=frozenset([member])))
        self.world.members.add((group.record.id, member))

    async def _leave(self, writer: Writer) -> None:
        group = await self._group(writer)
        members = sorted(member for of, member in self.world.members if of == group.record.id)
        if members:
            member = self._random.choice(members)
            self.told.append(f"{member[:4]} leaves {group.record.id[:4]}")
            await writer.change_members(group, MembersDelta(remove=frozenset([member])))
            self.world.members.discard((group.record.id, member))

    async def _replace(self, writer: Writer) -> None:
        group = await self._group(writer)
        wanted = frozenset(self._random.sample([*self.world.users], min(2, len(self.world.users))))
        self.told.append(f"{group.record.id[:4]} has {[member[:4] for member in wanted]}")
        await writer.change_members(group, MembersDelta(replace=wanted))
        self.world.members = {pair for pair in self.world.members if pair[0] != group.record.id}
        self.world.members |= {(group.record.id, member) for member in wanted}

    async def _rename(self, writer: Writer) -> None:
        group, name = await self._group(writer), self._random.choice(NAMES)
        if name not in self.world.groups.values():
            self.told.append(f"{group.record.id[:4]} is {name}")
            grants = (await writer.policy()).grants_of(name, None, group.record.id)
            await writer.update_group(group, {"displayName": name}, grants)
            self.world.rename(group.record.id, name)

    async def _delete_group(self, writer: Writer) -> None:
        group = await self._group(writer)
        self.told.append(f"delete group {group.record.id[:4]}")
        await writer.delete_group(group)
        del self.world.groups[group.record.id]
        self.world.members = {pair for pair in self.world.members if group.record.id not in pair}


def _grants(world: World, policy: Policy) -> set[HeldGrant]:
    """What it gives, to the members of groups and to all users."""
    found = {HeldGrant(role, source="base") for role in policy.base_roles}
    found |= {HeldGrant(role, source="fallback") for role in policy.fallback_roles}
    found |= {HeldGrant(grant.role, grant.mapping, grant.rule, grant.source) for grant in policy.general_grants}
    for group_id, name in world.groups.items():
        for grant in policy.grants_of(name, None, group_id):
            found.add(HeldGrant(grant.role, grant.mapping, grant.rule, group_id=group_id))
    return found
