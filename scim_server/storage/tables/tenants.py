"""Tenants: which rules the database holds for each, and how many users it has."""

from collections.abc import Collection, Sequence
from datetime import timedelta

from scim_server.provisioning.lifecycle import NO_DELAY
from scim_server.provisioning.policy import NO_POLICY, Policy, is_current
from scim_server.provisioning.roles import HeldGrant
from scim_server.storage.effects import DelayChanged, RolesPending, WindowsChanged
from scim_server.storage.errors import NeedsExclusive
from scim_server.storage.grant_changes import GrantChanges, grant_changes
from scim_server.storage.ids import FIRST_ID
from scim_server.storage.records import Due, DueKind, FormerUsers, RulesVersion, TenantCounts
from scim_server.storage.session import Row, Session, Transaction
from scim_server.storage.statement import Statement
from scim_server.storage.tables import (
    default_roles,
    departures,
    due,
    grants,
    groups,
    hold_ends,
    observed,
    pending_users,
    profiles,
    role_holds,
)

_VERSION = Statement("""
    SELECT revision, fingerprint,
           NOT EXISTS (SELECT 1 FROM pending_users WHERE tenant = $1) AS applied
    FROM tenants WHERE tenant = $1 AND departed IS NULL
""")

_PRESENT = Statement("SELECT tenant FROM tenants WHERE departed IS NULL ORDER BY tenant")

_RULES = Statement("SELECT rules FROM tenants WHERE tenant = $1")

_DELAY = Statement("SELECT deactivation_delay, {late_now:$2} AS late_now FROM tenants WHERE tenant = $1")

_COUNTS = Statement("""
    SELECT (SELECT CAST(coalesce(sum(added - removed), 0) AS bigint) FROM totals
            WHERE tenant = $1 AND kind = 'users') AS users,
           (SELECT count(*) FROM users WHERE tenant = $1 AND NOT active AND state <> 'active') AS inactive,
           (SELECT count(*) FROM held_users WHERE tenant = $1) AS deletions_held,
           (SELECT count(*) FROM users WHERE tenant = $1 AND state = 'blocked') AS blocked,
           (SELECT CAST(coalesce(sum(added - removed), 0) AS bigint) FROM totals
            WHERE tenant = $1 AND kind = 'groups') AS groups,
           (SELECT max(modified) FROM users WHERE tenant = $1) AS users_modified,
           (SELECT max(modified) FROM groups WHERE tenant = $1) AS groups_modified,
           t.former_users AS former_users, t.returned AS returned, t.departed AS departed
    FROM (SELECT 1 AS one) AS one LEFT JOIN tenants t ON t.tenant = $1
""")

# Locked, because revisions are raised (`revisions.raise_all`) without the tenant's lock.
_HELD = Statement("""
    SELECT revision, fingerprint, rules, deactivation_delay, uid, departed FROM tenants WHERE tenant = $1 {lock}
""")

# `base_roles` and `fallback_roles` are for replicas of before `default_roles`, which may run beside this one.
_STORE = Statement("""
    INSERT INTO tenants (tenant, revision, fingerprint, rules, base_roles, fallback_roles, uid, deactivation_delay)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
    ON CONFLICT (tenant) DO UPDATE
    SET revision = excluded.revision, fingerprint = excluded.fingerprint, rules = excluded.rules,
        base_roles = excluded.base_roles, fallback_roles = excluded.fallback_roles,
        uid = coalesce(excluded.uid, tenants.uid), deactivation_delay = excluded.deactivation_delay
""")


async def present(session: Session) -> Sequence[str]:
    """Of all tenants."""
    return [row["tenant"] for row in await session.fetch(_PRESENT)]


async def rules_version(session: Session) -> RulesVersion | None:
    row = await session.fetch_one(_VERSION, session.tenant)
    if row is None:
        return None
    return RulesVersion(row["revision"], row["fingerprint"], applied=bool(row["applied"]))


async def rules(session: Session) -> Policy | None:
    row = await session.fetch_one(_RULES, session.tenant)
    return None if row is None else Policy.from_json(row["rules"])


async def deactivation_delay(tx: Transaction) -> timedelta:
    """Of the rules that the database holds. What begins now begins by the later one of both clocks, so that it ends
    early by neither."""
    return await known_delay(tx) or NO_DELAY


async def known_delay(tx: Transaction) -> timedelta | None:
    """None where only a server that didn't know of states has stored the tenant."""
    row = await tx.fetch_one(_DELAY, tx.tenant, tx.now)
    if row is None:
        return NO_DELAY
    tx.not_before(tx.time(row["late_now"]))
    return _delay_of(tx, row)


async def counts(session: Session) -> TenantCounts:
    row = await session.fetch_one(_COUNTS, session.tenant)
    assert row is not None  # noqa: S101 - of one row
    changes = [session.time(time) for time in (row["users_modified"], row["groups_modified"]) if time is not None]
    return TenantCounts(
        active=row["users"] - row["inactive"] + row["deletions_held"],
        blocked=row["blocked"],
        deactivated=row["inactive"] - row["blocked"],
        groups=row["groups"],
        last_sync=max(changes, default=None),
        former_users=FormerUsers(row["former_users"], session.time(row["returned"])) if row["former_users"] else None,
        departed=row["departed"] is not None,
    )


async def put_rules(tx: Transaction, rules: Policy, revision: int, uid: str | None) -> bool:
    """Store newer rules and what follows from them; see `Writer.put_rules`."""
    if not tx.exclusive:
        raise NeedsExclusive
    held = await tx.fetch_one(_HELD, tx.tenant)
    if held is not None and _is_as_new(held, revision):
        return False
    if held is not None and departures.has_returned(held["departed"], held["uid"], uid):
        await departures.note_return(tx)
        held = await tx.fetch_one(_HELD, tx.tenant)
    before = NO_POLICY if held is None else Policy.from_json(held["rules"])
    await tx.execute(
        _STORE,
        tx.tenant,
        revision,
        rules.fingerprint,
        rules.to_json().decode(),
        [*rules.base_roles],
        [*rules.fallback_roles],
        uid,
        rules.deactivation_delay,
    )
    tx.use_policy(rules)
    await hold_ends.follow_policy(tx, rules)
    if rules.observes and not before.observes:
        await hold_ends.observe(tx)
    if held is not None and held["fingerprint"] == rules.fingerprint:
        return True
    if held is not None and _delay_of(tx, held) != rules.deactivation_delay:
        await due.remove_all(tx, DueKind.DELAY)  # whoever still follows the delay before
        await due.put(tx, [(Due(DueKind.DELAY, FIRST_ID), due.AT_ONCE)])
        tx.effects.add(DelayChanged())
    await due.remove_all(tx, DueKind.WINDOW)
    if rules.boundaries:
        await due.put(tx, [(Due(DueKind.WINDOW, time.isoformat()), time) for time in rules.boundaries])
        tx.effects.add(WindowsChanged())
    if not before.makes_same_profiles(rules):
        await profiles.begin_walk(tx)
    if before.observes and not rules.observes:
        await observed.begin(tx)
    await _follow(tx, rules, new_conditions=bool(rules.conditions.names - before.conditions.names))
    return True


async def _follow(tx: Transaction, rules: Policy, *, new_conditions: bool) -> None:
    """Write down what the rules give, and record as pending whose roles or reasons may change by it."""
    changes = grant_changes(await groups.names_of_all(tx), await grants.of_all(tx), rules)
    await grants.change(tx, changes)
    general = await grants.replace_general(tx, rules.general_grants)
    no_longer, now = await default_roles.replace(tx, rules)
    if changes.gone or changes.new or general.gone or general.new or no_longer or now:
        await role_holds.guard(tx, _lost(changes, general, no_longer))
    pending = 0
    if new_conditions or general.gone or general.new or no_longer or now:
        gains_only = general.only_gains and not no_longer
        pending += await pending_users.add_all(tx, gains_only=gains_only, evaluate=new_conditions)
    for group_ids, gains_only in ((changes.losing, False), (changes.only_gaining, True)):
        if group_ids:
            pending += await pending_users.add_below(tx, group_ids, gains_only=gains_only)
    if pending:
        tx.effects.add(RolesPending(pending))


def _lost(
    changes: GrantChanges, general: grants.GeneralChanges, no_longer: Collection[tuple[str, str]]
) -> list[HeldGrant]:
    of_groups = [HeldGrant(one.role, one.mapping, one.rule, one.source, group) for group, one in changes.gone]
    of_all = [HeldGrant(one.role, one.mapping, one.rule, one.source) for one in general.gone]
    return of_groups + of_all + [HeldGrant(role, source=kind) for kind, role in no_longer]


def _is_as_new(held: Row, revision: int) -> bool:
    """A replica of an older version may have stored the same revision, in a form that lacks something."""
    return held["revision"] > revision or (held["revision"] == revision and is_current(held["fingerprint"]))


def _delay_of(session: Session, row: Row) -> timedelta | None:
    return None if row["deactivation_delay"] is None else session.span(row["deactivation_delay"])
