"""What a write tells of itself: every commit passes `changes.record`, with what really changed."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from scim_server import changes, storage
from scim_server.provisioning.lifecycle import State
from scim_server.storage.effects import (
    ActiveChanged,
    Deleted,
    Effect,
    FirstRoles,
    GrantsChanged,
    GroupCreated,
    GroupDeleted,
    GroupMembersChanged,
    GroupUpdated,
    MembershipChanged,
    MembersLeftOut,
    RolesChanged,
    RolesPending,
    RulesChanged,
    StateChanged,
    UserCreated,
    UserDeleted,
    UserUpdated,
)
from scim_server.storage.errors import UserNameTaken
from scim_server.storage.protocol import Storage
from scim_server.storage.records import MembersChanged, RoleChange
from scim_server.storage.session import Transaction
from scim_server.storage.tables import roles
from scim_server.storage.tables.recorded import Recorded
from tests.scim_server.storage.steps import Steps, named, rules
from tests.support.policies import policy_of

pytestmark = pytest.mark.databases("sqlite", "postgresql", "pgbouncer")

RULES = rules((named("Admins"), ["admin"]), base=["viewer"], fallback=["guest"])
HOUR = timedelta(hours=1)


class Recording:
    """Transactions as `changes.record` sees them."""

    def __init__(self) -> None:
        self.transactions: list[Transaction] = []

    async def __call__(self, transaction: Transaction) -> Recorded:
        following = await changes.record(transaction)
        self.transactions.append(transaction)
        return following

    def take(self) -> list[Effect]:
        """The effects since the last time; of roles the names alone."""
        effects = [_named(effect) for transaction in self.transactions for effect in transaction.effects.all]
        self.transactions.clear()
        return effects


@pytest.fixture
def recorded() -> Recording:
    return Recording()


@pytest.fixture
async def storage_(url: str, recorded: Recording) -> AsyncIterator[Storage]:
    opened = storage.open_storage(url, recorded)
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture
def steps(storage_: Storage, tenant: str) -> Steps:
    return Steps(storage_, tenant)


def _gained(user_id: str, *names: str) -> RoleChange:
    return _changed(user_id, names, ())


def _lost(user_id: str, *names: str) -> RoleChange:
    return _changed(user_id, (), names)


def _changed(user_id: str, added: Iterable[str], removed: Iterable[str]) -> RoleChange:
    return RoleChange(user_id, dict.fromkeys(added, ()), dict.fromkeys(removed, ()))


def _named(effect: Effect) -> Effect:
    if not isinstance(effect, RolesChanged):
        return effect
    return replace(effect, changes=tuple(_changed(one.user_id, one.added, one.removed) for one in effect.changes))


async def test_no_write_passes_it_by(steps: Steps, recorded: Recording) -> None:
    """Whatever method of the storage writes: each is one transaction that is recorded."""
    now = datetime.now(UTC)
    writes: dict[str, Callable[[], Awaitable[Any]]] = {
        "insert_user": lambda: steps.storage.insert_user(steps.tenant, {"userName": "ann", "active": True}, True),
        "insert_user inactive": lambda: steps.storage.insert_user(
            steps.tenant, {"userName": "bob", "active": False}, False
        ),
        "write": lambda: steps.storage.write(steps.tenant, lambda writer: writer.rules()),
        "exclusive write": lambda: steps.put_rules(RULES, 1, work_off=False),
        "use_assertion": lambda: steps.storage.use_assertion(steps.tenant, b"x", now + HOUR),
        "beat_webhooks": lambda: steps.storage.beat_webhooks("me"),
        "log_refused": lambda: steps.storage.log_refused(steps.tenant, []),
        "keep_captures": lambda: steps.storage.keep_captures(steps.tenant, []),
        "note_uses": lambda: steps.storage.note_uses({(steps.tenant, "okta"): now}),
        "raise_revisions": lambda: steps.storage.raise_revisions({steps.tenant: RULES.fingerprint}, 2),
    }
    reads = {
        "open", "close", "ping", "usage", "subscribe", "read", "uses", "revisions", "pending_tenants",
        "tenants_to_erase", "due_tenants", "next_due", "tenants_with_unlike_states", "tenants", "overwrite_erased",
        "tenants_without_reasons", "tenants_with_pending_profiles", "webhooks",
    }  # fmt: skip
    methods = {name for name in dir(Storage) if not name.startswith("_")}
    assert methods - reads == {name for name in writes if " " not in name}  # a new one needs its line here
    for name, write in writes.items():
        recorded.transactions.clear()
        await write()
        assert len(recorded.transactions) == 1, name


async def test_what_is_recorded_is_told_after_the_commit(steps: Steps) -> None:
    told: list[tuple[str, list[Effect]]] = []
    steps.storage.subscribe(lambda tenant, effects: told.append((tenant, effects.all)))
    user = await steps.insert_user({"userName": "ann", "active": True})
    assert told == [(steps.tenant, [UserCreated(user)])]
    with pytest.raises(UserNameTaken):
        await steps.insert_user({"userName": "ANN", "active": True})
    assert len(told) == 1


async def test_users(steps: Steps, recorded: Recording) -> None:
    await steps.put_rules(policy_of(RULES.rules, ["viewer"], ["guest"], HOUR), 1)
    recorded.take()

    ann = await steps.insert_user({"userName": "ann", "active": True})
    roles_ = RolesChanged((_gained(ann.id, "viewer", "guest"),), FirstRoles())
    assert recorded.take() == [UserCreated(ann), roles_]

    blocked = await steps.update_user(ann.id, active=False)
    assert blocked.deactivate_at == blocked.modified + HOUR
    assert recorded.take() == [
        UserUpdated(ann, blocked),
        StateChanged(ann.id, State.ACTIVE, State.BLOCKED, blocked.deactivate_at),
        RolesChanged((_lost(ann.id, "viewer", "guest"),), ActiveChanged()),
    ]

    titled = await steps.update_user(ann.id, title="Dr")
    assert (titled.state, titled.deactivate_at) == (blocked.state, blocked.deactivate_at)
    assert recorded.take() == [UserUpdated(blocked, titled)]

    back = await steps.update_user(ann.id, active=True)
    assert recorded.take() == [
        UserUpdated(titled, back),
        StateChanged(ann.id, State.BLOCKED, State.ACTIVE, None),
        RolesChanged((_gained(ann.id, "viewer", "guest"),), ActiveChanged()),
    ]

    await steps.delete_user(ann.id)
    deleted, lost = recorded.take()
    assert isinstance(deleted, UserDeleted)
    assert (deleted.user, deleted.state) == (back, State.BLOCKED)  # deactivated when the delay is over
    assert timedelta(0) <= deleted.delay_ends - back.modified - HOUR < HOUR
    assert lost == RolesChanged((_lost(ann.id, "viewer", "guest"),), Deleted())


async def test_groups(steps: Steps, recorded: Recording) -> None:
    await steps.put_rules(RULES, 1)
    ann, bob = await steps.add_users("ann", "bob")
    recorded.take()

    staff = await steps.add_group("Staff", [ann])
    created, joined = recorded.take()
    assert isinstance(created, GroupCreated)
    assert joined == GroupMembersChanged(staff, MembersChanged([ann], [], (), ()))

    renamed = await steps.update_group(staff, displayName="Admins")
    assert recorded.take() == [
        GroupUpdated(created.group, renamed),
        RolesChanged((_changed(ann, ["admin"], ["guest"]),), GrantsChanged(staff)),
    ]

    await steps.change_members(staff, add=[ann, bob])  # one is a member already
    assert recorded.take() == [
        GroupMembersChanged(staff, MembersChanged([bob], [], (), ())),
        RolesChanged((_changed(bob, ["admin"], ["guest"]),), MembershipChanged(staff)),
    ]

    await steps.change_members(staff, add=[ann])
    assert recorded.take() == []

    group = await steps.group(staff)
    assert group is not None
    await steps.delete_group(staff)
    back = [_changed(user, ["guest"], ["admin"]) for user in sorted([ann, bob])]
    assert recorded.take() == [GroupDeleted(group), RolesChanged(tuple(back), GrantsChanged(staff))]


async def test_members_that_were_deleted_are_left_out(steps: Steps, recorded: Recording) -> None:
    ann, bob = await steps.add_users("ann", "bob")
    staff, gone = await steps.add_group("Staff"), await steps.add_group("Gone")
    await steps.delete_user(ann)
    await steps.delete_group(gone)
    recorded.take()
    changed = await steps.change_members(staff, add=[ann, bob, gone])
    assert changed.added_users == [bob]
    left_out, members = recorded.take()
    assert members == GroupMembersChanged(staff, MembersChanged([bob], [], [], []))
    assert isinstance(left_out, MembersLeftOut)
    assert {*left_out.ids} == {ann, gone}


async def test_rules(steps: Steps, recorded: Recording) -> None:
    await steps.put_rules(RULES, 1)
    ann = await steps.add_user("ann")
    recorded.take()
    await steps.put_rules(rules(base=["viewer", "more"], fallback=["guest"]), 2, work_off=False)
    assert recorded.take() == [RolesPending(1)]
    await steps.work_off()
    assert recorded.take() == [RolesChanged((_gained(ann, "more"),), RulesChanged())]


async def test_roles_of_many_users_follow_after_the_change_losses_first(
    steps: Steps, recorded: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(roles, "MOST_AT_COMMIT", 3)
    await steps.put_rules(rules((named("Losing"), ["old"]), (named("Gaining now"), ["new"])), 1)
    users = await steps.add_users(*(f"u{number}" for number in range(8)))
    losing, gaining = await steps.add_group("Losing", users[:4]), await steps.add_group("Gaining", users[4:])
    await steps.work_off(2)
    recorded.take()

    await steps.update_group(gaining, displayName="Gaining now")
    await steps.update_group(losing, displayName="Lost")
    assert [effect for effect in recorded.take() if isinstance(effect, RolesChanged | RolesPending)] == [
        RolesPending(4),
        RolesPending(4),
    ]
    assert await steps.roles(users[0]) == {"old"}
    await steps.work_off(2)
    batches = [effect for effect in recorded.take() if isinstance(effect, RolesChanged)]
    assert [bool(batch.changes[0].removed) for batch in batches] == [True, True, False, False]
    assert [await steps.roles(user) for user in users] == [set()] * 4 + [{"new"}] * 4
