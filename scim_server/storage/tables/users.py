"""Users: their rows and e-mail addresses."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from scim_server.provisioning.conditions import user_of_conditions
from scim_server.provisioning.lifecycle import NO_DELAY, State, state_after, state_after_deletion
from scim_server.provisioning.policy import Policy
from scim_server.provisioning.roles import FirstReasons, Reason, first_roles
from scim_server.storage.documents import from_json, to_json
from scim_server.storage.effects import (
    ActiveChanged,
    DeletedUserDeactivated,
    DocumentChanged,
    Effects,
    ExpressionsFailed,
    FirstRoles,
    RolesChanged,
    RolesPending,
    StateChanged,
    UserCreated,
    UserDeleted,
    UserUpdated,
)
from scim_server.storage.errors import TryAgain, UserNameTaken
from scim_server.storage.ids import FIRST_ID, is_id
from scim_server.storage.index_keys import keys_of_user
from scim_server.storage.new_records import changed_user, new_user
from scim_server.storage.policies import FINGERPRINT
from scim_server.storage.records import Document, Due, DueKind, LockedUser, RoleChange, UserRecord
from scim_server.storage.session import Row, Session, Transaction, optional_time
from scim_server.storage.statement import Statement, Together
from scim_server.storage.tables import (
    due,
    guards,
    holds,
    pending_users,
    profiles,
    roles,
    tenants,
    tombstones,
    verdicts,
)

COLUMNS = (
    f"id, document, active, blocked_at, state, deactivate_at, created, modified, version, hold, {profiles.COLUMNS}"
)

OBSERVED, OBSERVED_NEW = "observed", "observed, new"
"""Instead of a hold's id: see `tables/observed.py`."""

_SET_HOLD = Statement("UPDATE users SET hold = $3 WHERE tenant = $1 AND id = $2")

_READ = Statement(f"SELECT {COLUMNS} FROM users WHERE tenant = $1 AND id = $2")

_READ_SOME = Statement(f"SELECT {COLUMNS} FROM users WHERE tenant = $1 AND id {{in_ids:$2}}")

_LOCK = Statement(f"""
    SELECT {COLUMNS}, {FINGERPRINT} FROM users WHERE tenant = $1 AND id = $2 {{lock}}
""")

# Where the name is taken nothing is returned of `created`, and what the others wrote is rolled back.
_INSERT = Together(
    created="""
        INSERT INTO users (tenant, id, user_name_key, display_name_key, external_id_key, active, blocked_at, state,
                           deactivate_at, created, modified, version, document, profile, profile_version,
                           first_values, profile_failures{postgres:, folded})
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10, 1, $11, $17, 1, $18, $19{postgres:, $12})
        ON CONFLICT (tenant, user_name_key) DO NOTHING
        RETURNING user_name_key AS role
    """,
    emails="""
        INSERT INTO user_emails (tenant, value_key, user_id)
        SELECT {text:$1}, email.value, {id:$2} FROM {texts:$13 email}
    """,
    roles="""
        INSERT INTO user_roles (tenant, user_id, role, since, has_reasons)
        SELECT DISTINCT {text:$1}, {id:$2}, r.role, {time:$10}, true FROM {rows:$15 r (role text)}
    """,
    reasons=f"""
        INSERT INTO role_reasons (tenant, user_id, role, source, mapping, rule, group_id, since)
        SELECT {{text:$1}}, {{id:$2}}, r.role, r.source, r.mapping, r.rule, '{FIRST_ID}', {{time:$10}}
        FROM {{rows:$15 r (role text, source text, mapping text, rule text)}}
    """,
    verdicts="""
        INSERT INTO verdicts (tenant, user_id, condition)
        SELECT {text:$1}, {id:$2}, v.value FROM {texts:$16 v}
    """,
    previous="SELECT ("
    + tombstones.PREVIOUS.replace("EXTERNAL_ID", "$14")
    + ") AS role WHERE {text:$14} IS NOT NULL",
)

_NOW = Statement("SELECT {early_now:$1} AS now")

_HOLDER_OF_NAME = Statement("SELECT id FROM users WHERE tenant = $1 AND user_name_key = $2")

_UPDATE = Statement("""
    UPDATE users
    SET user_name_key = $3, display_name_key = $4, external_id_key = $5, active = $6, blocked_at = $7, state = $8,
        deactivate_at = $9, modified = $10, version = $11, document = $12{postgres:, folded = $13},
        hold = $14, profile = $15, profile_version = $11, first_values = $16,
        profile_failures = $17
    WHERE tenant = $1 AND id = $2
""")

_REPLACE_EMAILS = Together(
    gone="""
        DELETE FROM user_emails
        WHERE tenant = $1 AND user_id = $2 AND value_key NOT IN (SELECT email.value FROM {texts:$3 email})
    """,
    new="""
        INSERT INTO user_emails (tenant, value_key, user_id)
        SELECT {text:$1}, email.value, {id:$2} FROM {texts:$3 email}
        WHERE true
        ON CONFLICT DO NOTHING
    """,
)

_GROUPS_WITH = Statement("SELECT group_id FROM memberships WHERE tenant = $1 AND user_id = $2")

_LOCK_GROUPS = Statement("SELECT id FROM groups WHERE tenant = $1 AND id {in_ids:$2} ORDER BY id {lock}")

_DELETE = Together(
    touched="""
        UPDATE groups SET version = version + 1, modified = {later:$3 modified}
        WHERE tenant = $1 AND id {in_ids:$4}
    """,
    emails="DELETE FROM user_emails WHERE tenant = $1 AND user_id = $2",
    pending="DELETE FROM pending_users WHERE tenant = $1 AND user_id = $2",
    memberships="DELETE FROM memberships WHERE tenant = $1 AND user_id = $2",
    deleted="DELETE FROM users WHERE tenant = $1 AND id = $2",
)

# The tenant's delay counts, too: `deactivate_at` follows a longer one only after a while.
_IS_PAST = """
    SELECT id FROM users
    WHERE tenant = $1 AND id {in_ids:$2} AND state = 'blocked' AND NOT active
      AND deactivate_at <= {early_now:$3}
      AND blocked_at + (SELECT deactivation_delay FROM tenants WHERE tenant = $1) <= {early_now:$3}
"""

_DEACTIVATE = Statement(f"""
    UPDATE users SET state = 'deactivated', deactivate_at = NULL
    WHERE tenant = $1 AND id {{any:{_IS_PAST} ORDER BY id {{lock_free}}}}
    RETURNING id
""")

_TO_DEACTIVATE = Statement(_IS_PAST)

_BLOCKED = Statement("""
    SELECT id, blocked_at, deactivate_at FROM users
    WHERE tenant = $1 AND id > {id:$2} AND state = 'blocked' AND NOT active
    ORDER BY id LIMIT $3 {lock}
""")

_UNLIKE = Statement(f"""
    SELECT {COLUMNS} FROM users WHERE tenant = $1 AND active <> (state = 'active') AND hold IS NULL
    ORDER BY id LIMIT $2 {{lock}}
""")

_SET_STATE = Statement("UPDATE users SET state = $3, deactivate_at = $4 WHERE tenant = $1 AND id = $2")

# A look into the index for each tenant: PostgreSQL's planner takes most users for unlike, and would read all of them.
_TENANTS_WITH_UNLIKE = Statement("""
    SELECT tenant FROM tenants t
    WHERE (
        SELECT u.id FROM users u WHERE u.tenant = t.tenant AND u.active <> (u.state = 'active') AND u.hold IS NULL
        ORDER BY u.id LIMIT 1
    ) IS NOT NULL
    ORDER BY tenant
""")


async def read(session: Session, user_id: str) -> UserRecord | None:
    if not is_id(user_id):
        return None
    row = await session.fetch_one(_READ, session.tenant, user_id)
    return None if row is None else record_of(session, row)


async def read_some(session: Session, user_ids: Sequence[str]) -> list[UserRecord]:
    return [record_of(session, row) for row in await session.fetch(_READ_SOME, session.tenant, [*user_ids])]


async def lock(tx: Transaction, user_id: str) -> UserRecord | None:
    if not is_id(user_id):
        return None
    row = await tx.fetch_one(_LOCK, tx.tenant, user_id)
    tx.has_waited()
    if row is None:
        return None
    tx.note_fingerprint(row["fingerprint"])
    tx.subject = record = record_of(tx, row)
    return record


async def lock_with_groups(tx: Transaction, user_id: str) -> LockedUser | None:
    """The groups come first in the order of locks. Raises `TryAgain` where the user joins one meanwhile."""
    if not is_id(user_id):
        return None
    groups = await _groups_with(tx, user_id)
    if groups:
        await tx.fetch(_LOCK_GROUPS, tx.tenant, sorted(groups))
    record = await lock(tx, user_id)
    if record is None:
        return None
    groups_now = await _groups_with(tx, user_id)
    if groups_now - groups:
        raise TryAgain
    return LockedUser(record, frozenset(groups_now))


async def insert(tx: Transaction, document: Document, active: bool) -> UserRecord:
    """Raises `UserNameTaken`, and `InvalidValue` where a mapping refuses it."""
    delay = NO_DELAY if active else await tenants.deactivation_delay(tx)
    tx.subject = record = await profiles.of_new(tx, new_user(document, active, tx.now, delay))
    policy = await tx.policy()
    if policy.observes:
        tx.subject = record = replace(record, state=State.DEACTIVATED, deactivate_at=None, hold=OBSERVED_NEW)
    first = await _first_roles(tx, policy, record)
    add_failures(tx.effects, policy, first.failures)
    keys = keys_of_user(document)
    rows = await tx.together(
        _INSERT,
        tx.tenant,
        record.id,
        keys.user_name,
        keys.display_name,
        keys.external_id,
        active,
        record.blocked_at,
        record.state,
        record.deactivate_at,
        tx.now,
        to_json(document),
        tx.folded(document),
        keys.emails,
        document.get("externalId"),
        to_json(rows_of_first(first)),
        sorted(first.verdicts),
        *profiles.columns_of(record),
    )
    if not rows["created"]:
        await _raise_if_taken(tx, keys.user_name)
        raise TryAgain  # its holder was deleted in between
    if record.hold is not None:
        await tx.execute(_SET_HOLD, tx.tenant, record.id, record.hold)
    previous_id = next((row["role"] for row in rows["previous"]), None)
    add_effects_of_new(tx.effects, record, first, previous_id)
    if policy.has_general_windows and not policy.observes:  # a clock may be wrong: the law goes by what is stored
        await pending_users.add(tx, [record.id], gains_only=False)
        tx.effects.add(RolesPending(1))
    return record


async def _first_roles(tx: Transaction, policy: Policy, record: UserRecord) -> FirstReasons:
    now = tx.now
    if policy.has_general_windows:
        row = await tx.fetch_one(_NOW, tx.now)
        assert row is not None  # noqa: S101 - of one row
        now = tx.time(row["now"])
    return first_roles_of(policy, record, now)


def first_roles_of(policy: Policy, record: UserRecord, now: datetime) -> FirstReasons:
    """See `provisioning.roles.first_roles`."""
    return first_roles(policy, _user_of(record), record.state, now)


def rows_of_first(first: FirstReasons) -> list[dict[str, str]]:
    """As the statements take them."""
    return [
        {"role": role, "source": reason.source or "", "mapping": reason.mapping or "", "rule": reason.rule or ""}
        for role, reasons in first.by_role.items()
        for reason in reasons
    ]


def add_effects_of_new(
    effects: Effects, record: UserRecord, first: FirstReasons, previous_id: str | None = None
) -> None:
    effects.add(UserCreated(record, previous_id))
    if record.state != State.ACTIVE:
        effects.add(StateChanged(record.id, None, record.state, record.deactivate_at))
    if first.by_role:
        effects.add(RolesChanged((RoleChange(record.id, told_of_first(first, record.created), {}),), FirstRoles()))


def told_of_first(first: FirstReasons, now: datetime) -> Mapping[str, tuple[Reason, ...]]:
    """By role, its reasons in order, which all are of now."""
    return {
        role: tuple(sorted((replace(each, since=now) for each in reasons), key=lambda reason: reason.order))
        for role, reasons in sorted(first.by_role.items())
    }


async def update(tx: Transaction, record: UserRecord, document: Document, active: bool) -> UserRecord:
    """Raises `UserNameTaken`, and `InvalidValue` where a mapping refuses it."""
    keys, keys_before = keys_of_user(document), keys_of_user(record.document)
    if keys.user_name != keys_before.user_name:
        await _raise_if_taken(tx, keys.user_name)
    delay = NO_DELAY if active else await tenants.deactivation_delay(tx)
    observes = (await tx.policy()).observes
    hold = None if active or observes else await guards.hold_of(tx, record, document)
    changed = changed_user(record, document, active, tx.now, delay, hold)
    updated = await profiles.of_changed(tx, changed)
    if observes:
        updated = _as_observed(record, updated)
        hold = updated.hold
    await tx.execute(
        _UPDATE,
        tx.tenant,
        record.id,
        keys.user_name,
        keys.display_name,
        keys.external_id,
        active,
        updated.blocked_at,
        updated.state,
        updated.deactivate_at,
        updated.modified,
        updated.version,
        to_json(document),
        tx.folded(document),
        hold,
        *profiles.columns_of(updated),
    )
    if keys.emails != keys_before.emails:
        await tx.together(_REPLACE_EMAILS, tx.tenant, record.id, keys.emails)
    tx.effects.add(UserUpdated(record, updated))
    if (updated.state, updated.deactivate_at) != (record.state, record.deactivate_at):
        tx.effects.add(StateChanged(record.id, record.state, updated.state, updated.deactivate_at))
    await _follow(tx, record, updated)
    if active and record.hold is not None:
        await holds.end_if_empty(tx, record.hold)
    return updated


def _as_observed(before: UserRecord, updated: UserRecord) -> UserRecord:
    """What applications see stays."""
    return replace(
        updated,
        state=before.state,
        deactivate_at=before.deactivate_at,
        blocked_at=before.blocked_at,
        profile=before.profile,
        first_values=before.first_values,
        hold=OBSERVED_NEW if before.hold == OBSERVED_NEW else OBSERVED,
    )


def add_failures(effects: Effects, policy: Policy, failures: Mapping[str, str]) -> None:
    """`failures`: by condition."""
    if failed := policy.failed_rules(failures):
        effects.add(ExpressionsFailed(failed))


async def _follow(tx: Transaction, before: UserRecord, updated: UserRecord) -> None:
    """Verdicts and roles after a change of the user. What is still to be evaluated for the user stays so.

    New conditions are evaluated for active users alone, so that one who becomes active may have none yet.
    """
    policy = await tx.policy()
    evaluated = policy.conditions.of(_user_of(updated))
    add_failures(tx.effects, policy, evaluated.failures)
    verdicts_before, verdicts_now = policy.conditions.of(_user_of(before)).true, evaluated.true
    if verdicts_before != verdicts_now or (policy.conditions and updated.state != before.state):
        await verdicts.put(tx, {updated.id: verdicts_now})
    if updated.state != before.state:
        await roles.recompute(tx, [updated.id], ActiveChanged())
    elif verdicts_before != verdicts_now:
        await roles.recompute(tx, [updated.id], DocumentChanged())


def _user_of(record: UserRecord) -> Document:
    return user_of_conditions(record.id, record.document, record.state is State.ACTIVE)


async def delete(tx: Transaction, locked: LockedUser) -> None:
    """Also from all groups, whose version and modified move."""
    user = locked.record
    await tx.together(_DELETE, tx.tenant, user.id, tx.now, sorted(locked.groups))
    delay = await tenants.deactivation_delay(tx)
    ends = user.deactivate_at or tx.now + delay
    tx.effects.add(UserDeleted(user, state_after_deletion(user.state, delay), ends))
    await roles.forget(tx, user.id)


async def deactivate(tx: Transaction, user_ids: Collection[str]) -> Collection[str]:
    """Those of the users that are blocked and whose time has come. Returns those whom another transaction holds."""
    asked = [*user_ids]
    for deleted in await tombstones.read(tx, asked):
        if await due.take(tx, Due(DueKind.DEACTIVATION, deleted.id)):
            tx.effects.add(DeletedUserDeactivated(deleted))
    for row in await tx.fetch(_DEACTIVATE, tx.tenant, asked, tx.now):
        tx.effects.add(StateChanged(str(row["id"]), State.BLOCKED, State.DEACTIVATED, None))
    return {str(row["id"]) for row in await tx.fetch(_TO_DEACTIVATE, tx.tenant, asked, tx.now)}


async def follow_delay(tx: Transaction, after: str, limit: int) -> None:
    """Blocked users are deactivated as long after they were blocked as the delay says now.

    The next ones after an id; the rest is due at once. One transaction does this: another replica that has read the
    same row would begin a second walk over all the rest. A user without a time was blocked before there were states:
    one whose time is over was told as deactivated then.
    """
    if not await due.take(tx, Due(DueKind.DELAY, after)):
        return
    delay = await tenants.deactivation_delay(tx)
    rows = await tx.fetch(_BLOCKED, tx.tenant, after, limit)
    states: list[tuple[object, ...]] = []
    timers = []
    for row in rows:
        user_id = str(row["id"])
        at = (optional_time(tx, row["blocked_at"]) or tx.now) + delay
        if row["deactivate_at"] is None and at <= tx.now:
            states.append((tx.tenant, user_id, State.DEACTIVATED, None))
        else:
            states.append((tx.tenant, user_id, State.BLOCKED, at))
            timers.append((Due(DueKind.DEACTIVATION, user_id), at))
    await tx.batch(_SET_STATE, states)
    if len(rows) == limit:
        timers.append((Due(DueKind.DELAY, user_id), due.AT_ONCE))
    await due.put(tx, timers)


async def correct_states(tx: Transaction, limit: int) -> int:
    """A server of before there were states sets `active` and `blocked_at` alone, as long as it runs beside newer
    ones. While no delay is known a user stays blocked, until `tenants.put_rules` brings one.

    Returns how many users there were, of `limit` at most.
    """
    rows = await tx.fetch(_UNLIKE, tx.tenant, limit)
    delay = await tenants.known_delay(tx)
    corrected = []
    for row in rows:
        record = record_of(tx, row)
        before = State.BLOCKED if delay is None else None
        state, deactivate_at = state_after(
            record.active, before, None, record.blocked_at or tx.now, delay or NO_DELAY
        )
        corrected.append((tx.tenant, record.id, state, deactivate_at))
        tx.effects.add(StateChanged(record.id, record.state, state, deactivate_at))
    await tx.batch(_SET_STATE, corrected)
    await verdicts.evaluate(tx, [str(row["id"]) for row in rows])
    await roles.recompute(tx, [str(row["id"]) for row in rows], ActiveChanged())
    return len(rows)


async def tenants_with_unlike_states(session: Session) -> Sequence[str]:
    return [row["tenant"] for row in await session.fetch(_TENANTS_WITH_UNLIKE)]


async def _groups_with(session: Session, user_id: str) -> set[str]:
    return {str(row["group_id"]) for row in await session.fetch(_GROUPS_WITH, session.tenant, user_id)}


async def _raise_if_taken(session: Session, user_name_key: str) -> None:
    holder = await session.fetch_one(_HOLDER_OF_NAME, session.tenant, user_name_key)
    if holder is not None:
        raise UserNameTaken(str(holder["id"]))


def record_of(session: Session, row: Row) -> UserRecord:
    return UserRecord(
        str(row["id"]),
        from_json(row["document"]),
        bool(row["active"]),
        optional_time(session, row["blocked_at"]),
        State(row["state"]),
        optional_time(session, row["deactivate_at"]),
        session.time(row["created"]),
        session.time(row["modified"]),
        row["version"],
        row["hold"],
        *profiles.stored(row),
    )
