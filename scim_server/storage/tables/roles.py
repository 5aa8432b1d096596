"""Effective roles: the law as SQL, and what it is read from. `provisioning.roles` is the same law without a
database."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from scim_server.provisioning.roles import EffectiveRole, Reason
from scim_server.storage.effects import Deleted, RoleReason, RolesChanged, RolesPending, RulesChanged
from scim_server.storage.errors import TryAgain
from scim_server.storage.ids import FIRST_ID, is_id
from scim_server.storage.records import GroupReference, RoleChange
from scim_server.storage.session import Row, Session, Transaction
from scim_server.storage.statement import Statement, Together
from scim_server.storage.tables import pending_users, verdicts
from scim_server.storage.user_rows import MOST_ROWS, read_whole

# Groups that `named` users are in, directly or through member groups; UNION ends cycles.
_REACHED = """
    reached (user_id, group_id, place) AS (
        SELECT named.id, m.group_id, named.place FROM named {at:memberships m (user_id = named.id)}
        UNION
        SELECT r.user_id, n.group_id, r.place FROM reached r {at:nestings n (child_id = r.group_id)}
    )
"""

_ASKED = "named (id, place) AS (SELECT asked.id, asked.place FROM {ids:$2 asked})"

_GROUPS_OF = Statement(f"""
    WITH RECURSIVE {_ASKED}, {_REACHED}
    SELECT r.user_id, r.group_id, {{json:g.document}} ->> 'displayName' AS display,
           direct.user_id IS NOT NULL AS direct
    FROM reached r
    {{at:groups g (id = r.group_id)}}
    {{left_at:memberships direct (group_id = r.group_id AND user_id = r.user_id)}}
    ORDER BY r.place, g.display_name_key, r.group_id
    LIMIT {MOST_ROWS + 1}
""")

_EFFECTIVE = Statement(f"""
    WITH {_ASKED}
    SELECT named.id AS user_id, held.role AS role, held.since AS role_since, why.source AS source,
           why.mapping AS mapping, why.rule AS rule, why.group_id AS group_id, why.since AS since,
           {{json:g.document}} ->> 'displayName' AS display
    FROM named {{at:user_roles held (user_id = named.id)}}
    {{left_at:role_reasons why (user_id = named.id AND role = held.role)}}
    {{left_at:groups g (id = why.group_id)}}
    ORDER BY named.place, held.role
    LIMIT {MOST_ROWS + 1}
""")

_NO_GROUP = f"'{FIRST_ID}'"

# The law: `provisioning.roles.reasons_of`, for many users at once.
#
# Nobody is computed for whom conditions are still to be evaluated: verdicts that are missing would take roles which
# come back a moment later. `unread` tells who that is.
#
# Only differences are written, so `since` of what stays survives. NOT IN is a hashed look-up, however many users
# there are; NOT EXISTS would be a join, for which PostgreSQL's planner has to guess.
_LAW = f"""
    unread (user_id) AS MATERIALIZED (
        SELECT user_id FROM pending_users WHERE tenant = $1 AND user_id {{in_ids:$2}} AND evaluate
    ), computed (id) AS MATERIALIZED (
        SELECT asked.id FROM {{ids:$2 asked}} WHERE asked.id NOT IN (SELECT user_id FROM unread)
    ), named (id, place) AS MATERIALIZED (
        SELECT id, 0 FROM users WHERE tenant = $1 AND id {{any:SELECT id FROM computed}} AND state = 'active'
    ), {_REACHED}, given (user_id, role, source, mapping, rule, group_id) AS MATERIALIZED (
        SELECT r.user_id, a.role, '', a.mapping, a.rule, r.group_id
        FROM reached r {{at:grants a (group_id = r.group_id)}}
        WHERE a.open AND (a.condition = '' OR EXISTS (
            SELECT 1 FROM verdicts v WHERE v.tenant = $1 AND v.user_id = r.user_id AND v.condition = a.condition
        ))
        UNION
        SELECT named.id, a.role, a.source, a.mapping, a.rule, {_NO_GROUP}
        FROM general_grants a, named
        WHERE a.tenant = $1 AND a.open AND EXISTS (
            SELECT 1 FROM verdicts v WHERE v.tenant = $1 AND v.user_id = named.id AND v.condition = a.condition
        )
        UNION
        SELECT why.user_id, why.role, why.source, why.mapping, why.rule, why.group_id
        FROM named {{at:role_reasons why (user_id = named.id)}}
        WHERE EXISTS (SELECT 1 FROM held_grants WHERE tenant = $1) AND EXISTS (
            SELECT 1 FROM held_grants h
            WHERE h.tenant = $1 AND h.group_id = why.group_id AND h.source = why.source AND h.mapping = why.mapping
              AND h.rule = why.rule AND h.role = why.role
        ) AND (why.group_id = {_NO_GROUP} OR (why.user_id, why.group_id) IN (SELECT user_id, group_id FROM reached))
    ), wanted (user_id, role, source, mapping, rule, group_id) AS MATERIALIZED (
        SELECT user_id, role, source, mapping, rule, group_id FROM given
        UNION
        SELECT named.id, d.role, d.kind, '', '', {_NO_GROUP}
        FROM named, default_roles d
        WHERE d.tenant = $1
          AND (d.kind = 'base' OR named.id NOT IN (SELECT user_id FROM given WHERE source = ''))
    )
"""

# The reasons of a role that an older server gave begin with it. They come first: SQLite runs one after the other.
_RECOMPUTE = Together(
    _LAW,
    new_reasons="""
        INSERT INTO role_reasons (tenant, user_id, role, source, mapping, rule, group_id, since)
        SELECT {text:$1}, w.user_id, w.role, w.source, w.mapping, w.rule, w.group_id, coalesce((
            SELECT held.since FROM user_roles held
            WHERE held.tenant = $1 AND held.user_id = w.user_id AND held.role = w.role AND NOT held.has_reasons
        ), {time:$3})
        FROM wanted w
        WHERE true
        ON CONFLICT DO NOTHING
        RETURNING user_id, role, source, mapping, rule, group_id, since
    """,
    gone_reasons="""
        DELETE FROM role_reasons
        WHERE tenant = $1 AND user_id {any:SELECT id FROM computed}
          AND (user_id, role, source, mapping, rule, group_id) NOT IN (
              SELECT user_id, role, source, mapping, rule, group_id FROM wanted
          )
        RETURNING user_id, role, source, mapping, rule, group_id, since
    """,
    lost="""
        DELETE FROM user_roles
        WHERE tenant = $1 AND user_id {any:SELECT id FROM computed}
          AND (user_id, role) NOT IN (SELECT user_id, role FROM wanted)
        RETURNING user_id, role, '' AS source, '' AS mapping, '' AS rule, user_id AS group_id, since
    """,
    gained="""
        INSERT INTO user_roles (tenant, user_id, role, since, has_reasons)
        SELECT DISTINCT {text:$1}, user_id, role, {time:$3}, true FROM wanted
        WHERE true
        ON CONFLICT DO NOTHING
        RETURNING user_id, role, '' AS source, '' AS mapping, '' AS rule, user_id AS group_id, since
    """,
    unread="""
        SELECT user_id, '' AS role, '' AS source, '' AS mapping, '' AS rule, user_id AS group_id,
               CAST(NULL AS {time}) AS since
        FROM unread
    """,
)

_NAMES = Statement("""
    SELECT id, {json:document} ->> 'displayName' AS display FROM groups WHERE tenant = $1 AND id {in_ids:$2}
""")

_FORGET = Together(
    roles="DELETE FROM user_roles WHERE tenant = $1 AND user_id = $2",
    reasons="DELETE FROM role_reasons WHERE tenant = $1 AND user_id = $2",
    verdicts="DELETE FROM verdicts WHERE tenant = $1 AND user_id = $2",
)

_WITHOUT_REASONS = Statement("""
    SELECT DISTINCT user_id FROM user_roles WHERE tenant = $1 AND NOT has_reasons ORDER BY user_id LIMIT $2
""")

_HAVE_REASONS = Statement("""
    UPDATE user_roles SET has_reasons = true WHERE tenant = $1 AND user_id {in_ids:$2} AND NOT has_reasons
""")

_TENANTS_WITHOUT_REASONS = Statement("""
    SELECT tenant FROM tenants t
    WHERE (SELECT r.user_id FROM user_roles r WHERE r.tenant = t.tenant AND NOT r.has_reasons LIMIT 1) IS NOT NULL
    ORDER BY tenant
""")

_LOCK_USERS = Statement("SELECT id FROM users WHERE tenant = $1 AND id {in_ids:$2} ORDER BY id {lock}")

_LOCK_FREE = Statement("SELECT id FROM users WHERE tenant = $1 AND id {in_ids:$2} ORDER BY id {lock_free}")

_MOST_AT_ONCE = 1000
"""Users in one statement. Beyond some thousands their roles outgrow the memory that PostgreSQL gives a hashed
look-up, and it takes to searching lists row by row."""

MOST_AT_COMMIT = 2000
"""Users whose roles are computed within the change that concerns them: a few tenths of a second, in which others
wait. Those of more are computed after it, in batches (`pending_users`)."""


async def groups_of(session: Session, user_ids: Sequence[str]) -> Mapping[str, Sequence[GroupReference]]:
    rows, whole = await _of_users(session, _GROUPS_OF, user_ids)
    found: dict[str, list[GroupReference]] = {user_id: [] for user_id in whole}
    for row in rows:
        if (groups := found.get(str(row["user_id"]))) is not None:
            groups.append(GroupReference(str(row["group_id"]), row["display"], bool(row["direct"])))
    return found


async def effective(session: Session, user_ids: Sequence[str]) -> Mapping[str, Sequence[EffectiveRole]]:
    """A role of which an older server wrote no reasons has none until they are worked off."""
    rows, whole = await _of_users(session, _EFFECTIVE, user_ids)
    reasons: dict[str, dict[str, list[Reason]]] = {user_id: {} for user_id in whole}
    since: dict[tuple[str, str], datetime] = {}
    for row in rows:
        user_id, role = str(row["user_id"]), row["role"]
        if user_id not in reasons:
            break
        since[user_id, role] = session.time(row["role_since"])
        of_role = reasons[user_id].setdefault(role, [])
        if row["since"] is not None:
            of_role.append(_reason(session, row, row["display"]))
    return {
        user_id: [EffectiveRole(role, since[user_id, role], _in_order(of_role[role])) for role in of_role]
        for user_id, of_role in reasons.items()
    }


async def lock_users(tx: Transaction, user_ids: Collection[str]) -> None:
    """Until the commit, no other transaction changes these users or their memberships."""
    await tx.fetch(_LOCK_USERS, tx.tenant, [*user_ids])
    tx.has_waited()


async def recompute(
    tx: Transaction,
    user_ids: Collection[str],
    reason: RoleReason,
    *,
    gains_only: bool = False,
    names: Mapping[str, str | None] | None = None,
) -> Sequence[RoleChange]:
    """Make reasons and roles of these users what the law says, now or, where they are too many, later.

    `gains_only`: none of them loses a role of a rule, so that others come first. `names`: display names of groups
    that are known, or that are gone.

    The users, or the tenant, are locked: the statement must begin after that, so that two transactions that take a
    user's last two reasons for a role can't each still see the other's. Grants, windows and the policy change under
    the tenant's lock alone. So whatever replica writes, by whatever configuration: what it writes is the law over the
    rules that the database holds now, or the rules change after it, and it sees the users pending.
    """
    if not user_ids or (await tx.policy()).observes:  # computed when the policy enforces
        return ()
    if len(user_ids) > MOST_AT_COMMIT:
        await pending_users.add(tx, user_ids, gains_only=gains_only)
        tx.effects.add(RolesPending(len(user_ids)))
        return ()
    ordered, changed = sorted(user_ids), _Changes(tx)
    for start in range(0, len(ordered), _MOST_AT_ONCE):
        part = ordered[start : start + _MOST_AT_ONCE]
        rows = await tx.together(_RECOMPUTE, tx.tenant, part, tx.now)
        changed.add(rows)
        if unread := [str(row["user_id"]) for row in rows["unread"]]:
            await verdicts.evaluate(tx, unread)
            await pending_users.are_evaluated(tx, unread)
            changed.add(await tx.together(_RECOMPUTE, tx.tenant, unread, tx.now))
    changes = await changed.of_roles(names or {})
    if changes:
        tx.effects.add(RolesChanged(changes, reason))
    return changes


async def recompute_some(tx: Transaction, limit: int = MOST_AT_COMMIT) -> Sequence[RoleChange] | None:
    """Of up to `limit` users whose roles are pending, losses first; None where none are.

    Those whom another transaction holds stay pending. Raises `TryAgain` where it holds all of them.
    """
    if (await tx.policy()).observes:
        return None  # they stay pending
    pending = await pending_users.free(tx, limit)
    if not pending:
        return () if await pending_users.wait_for_others(tx) else None
    # Users come before what is pending of them in the order of locks, so that this may not wait for one of them.
    taken = pending if tx.exclusive else [str(row["id"]) for row in await tx.fetch(_LOCK_FREE, tx.tenant, pending)]
    if not taken:
        raise TryAgain
    if unread := await pending_users.remove(tx, taken):
        await verdicts.evaluate(tx, unread)
    return await recompute(tx, taken, RulesChanged())


async def forget(tx: Transaction, user_id: str) -> None:
    """Of a user who is deleted."""
    held = (await effective(tx, [user_id]))[user_id]
    await tx.together(_FORGET, tx.tenant, user_id)
    if lost := {role.value: role.reasons for role in held}:
        tx.effects.add(RolesChanged((RoleChange(user_id, {}, lost),), Deleted()))


async def find_reasons(tx: Transaction, limit: int = MOST_AT_COMMIT) -> bool:
    """Of up to `limit` users with roles of which an older server wrote no reasons. Whether there may be more."""
    rows = await tx.fetch(_WITHOUT_REASONS, tx.tenant, limit)
    if not rows:
        return False
    user_ids = [str(row["user_id"]) for row in rows]
    await lock_users(tx, user_ids)
    await recompute(tx, user_ids, RulesChanged())
    await tx.execute(_HAVE_REASONS, tx.tenant, user_ids)
    return True


async def tenants_without_reasons(session: Session) -> Sequence[str]:
    return [row["tenant"] for row in await session.fetch(_TENANTS_WITHOUT_REASONS)]


class _Changes:
    """What statements of the law have written."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self._roles: tuple[set[tuple[str, str]], set[tuple[str, str]]] = set(), set()
        """(user, role): gained, lost"""
        self._reasons: tuple[list[Row], list[Row]] = [], []
        """New, gone"""

    def add(self, rows: Mapping[str, Sequence[Row]]) -> None:
        for found, name in zip(self._roles, ("gained", "lost"), strict=True):
            found.update((str(row["user_id"]), row["role"]) for row in rows[name])
        for reasons, name in zip(self._reasons, ("new_reasons", "gone_reasons"), strict=True):
            reasons += rows[name]

    async def of_roles(self, names: Mapping[str, str | None]) -> Sequence[RoleChange]:
        """Of roles alone, with the reasons that came or went with them: a reason more is no change."""
        gained, lost = self._roles
        if not gained and not lost:
            return ()
        rows = [
            [row for row in reasons if (str(row["user_id"]), row["role"]) in of]
            for reasons, of in zip(self._reasons, self._roles, strict=True)
        ]
        names = {**await self._names_of((row for part in rows for row in part), names), **names}
        new, gone = (self._told(part, names) for part in rows)
        changes: dict[str, tuple[dict[str, tuple[Reason, ...]], dict[str, tuple[Reason, ...]]]] = {}
        for number, (of, reasons) in enumerate(((gained, new), (lost, gone))):
            for user_id, role in sorted(of):
                of_user = changes.setdefault(user_id, ({}, {}))
                of_user[number][role] = _in_order(reasons.get((user_id, role), ()))
        return tuple(RoleChange(user_id, *changes[user_id]) for user_id in sorted(changes))

    def _told(
        self, rows: Iterable[Row], names: Mapping[str, str | None]
    ) -> Mapping[tuple[str, str], Collection[Reason]]:
        told: dict[tuple[str, str], list[Reason]] = {}
        for row in rows:
            reason = _reason(self._tx, row, names.get(str(row["group_id"])))
            told.setdefault((str(row["user_id"]), row["role"]), []).append(reason)
        return told

    async def _names_of(self, rows: Iterable[Row], known: Mapping[str, str | None]) -> Mapping[str, str | None]:
        unknown = {str(row["group_id"]) for row in rows} - known.keys() - {FIRST_ID}
        if not unknown:
            return {}
        found = await self._tx.fetch(_NAMES, self._tx.tenant, sorted(unknown))
        return {str(row["id"]): row["display"] for row in found}


def _reason(session: Session, row: Row, group: str | None) -> Reason:
    group_id = str(row["group_id"])
    return Reason(
        row["mapping"] or None,
        row["rule"] or None,
        group,
        row["source"] or None,
        session.time(row["since"]),
        None if group_id == FIRST_ID else group_id,
    )


def _in_order(reasons: Iterable[Reason]) -> tuple[Reason, ...]:
    return tuple(sorted(reasons, key=lambda reason: reason.order))


async def _of_users(
    session: Session, statement: Statement, user_ids: Sequence[str]
) -> tuple[Sequence[Row], Sequence[str]]:
    """Rows, in the order of the users, and those users of whom all are among them."""
    rows = await session.fetch(statement, session.tenant, [*filter(is_id, user_ids)])
    last = str(rows[MOST_ROWS]["user_id"]) if len(rows) > MOST_ROWS else None
    return rows[:MOST_ROWS], read_whole(user_ids, last)
