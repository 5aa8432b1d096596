"""Effective roles: the law as SQL, and what it is read from. `provisioning.roles` is the same law without a
database."""

from collections.abc import Collection, Mapping, Sequence

from scim_server.provisioning.roles import GroupGrant, HeldRole
from scim_server.storage.effects import RoleReason, RolesChanged, RolesPending, RulesChanged
from scim_server.storage.errors import TryAgain
from scim_server.storage.ids import is_id
from scim_server.storage.records import GroupReference, RoleChange
from scim_server.storage.session import Row, Session, Transaction
from scim_server.storage.statement import Statement, Together
from scim_server.storage.tables import pending_users
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
    WITH RECURSIVE {_ASKED}, {_REACHED}
    SELECT named.id AS user_id, held.role AS role, held.since AS since, NULL AS mapping, NULL AS rule,
           NULL AS display, named.place AS place, false AS granted
    FROM named {{at:user_roles held (user_id = named.id)}}
    UNION ALL
    SELECT r.user_id, a.role, NULL, a.mapping, a.rule, {{json:g.document}} ->> 'displayName', r.place, true
    FROM reached r {{at:grants a (group_id = r.group_id)}} {{at:groups g (id = r.group_id)}}
    ORDER BY place, granted, role
    LIMIT {MOST_ROWS + 1}
""")

# The law. An active user has the roles that the rules grant to the groups that it reaches, those of all users (base),
# and where no rule grants it any, those for that case (fallback). An inactive one has none.
#
# Only differences are written, so `since` of a role that stays survives. NOT IN is a hashed look-up, however many
# users there are; NOT EXISTS would be a join, for which PostgreSQL's planner has to guess.
_LAW = f"""
    named (id, place) AS MATERIALIZED (
        SELECT id, 0 FROM users WHERE tenant = $1 AND id {{in_ids:$2}} AND state = 'active'
    ), {_REACHED}, mapped (user_id, role) AS MATERIALIZED (
        SELECT DISTINCT r.user_id, a.role FROM reached r {{at:grants a (group_id = r.group_id)}}
    ), wanted (user_id, role) AS MATERIALIZED (
        SELECT user_id, role FROM mapped
        UNION
        SELECT named.id, d.role
        FROM named, default_roles d
        WHERE d.tenant = $1 AND (d.kind = 'base' OR named.id NOT IN (SELECT user_id FROM mapped))
    )
"""

_RECOMPUTE = Together(
    _LAW,
    lost="""
        DELETE FROM user_roles
        WHERE tenant = $1 AND user_id {in_ids:$2} AND (user_id, role) NOT IN (SELECT user_id, role FROM wanted)
        RETURNING user_id, role
    """,
    gained="""
        INSERT INTO user_roles (tenant, user_id, role, since)
        SELECT {text:$1}, user_id, role, {time:$3} FROM wanted
        WHERE true
        ON CONFLICT DO NOTHING
        RETURNING user_id, role
    """,
)

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


async def effective(
    session: Session, user_ids: Sequence[str]
) -> Mapping[str, tuple[Sequence[HeldRole], Sequence[GroupGrant]]]:
    rows, whole = await _of_users(session, _EFFECTIVE, user_ids)
    found: dict[str, tuple[list[HeldRole], list[GroupGrant]]] = {user_id: ([], []) for user_id in whole}
    for row in rows:
        of_user = found.get(str(row["user_id"]))
        if of_user is None:
            break
        held, grants = of_user
        if row["granted"]:
            grants.append(GroupGrant(row["role"], row["mapping"], row["rule"], row["display"]))
        else:
            held.append(HeldRole(row["role"], session.time(row["since"])))
    return found


async def lock_users(tx: Transaction, user_ids: Collection[str]) -> None:
    """Until the commit, no other transaction changes these users or their memberships."""
    await tx.fetch(_LOCK_USERS, tx.tenant, [*user_ids])
    tx.has_waited()


async def recompute(
    tx: Transaction, user_ids: Collection[str], reason: RoleReason, *, gains_only: bool = False
) -> Sequence[RoleChange]:
    """Make `user_roles` of these users what the law says, now or, where they are too many, later.

    `gains_only`: none of them loses a role of a rule, so that others come first.

    The users, or the tenant, are locked: the statement must begin after that, so that two transactions that take a
    user's last two reasons for a role can't each still see the other's.
    """
    if len(user_ids) > MOST_AT_COMMIT:
        await pending_users.add(tx, user_ids, gains_only=gains_only)
        tx.effects.add(RolesPending(len(user_ids)))
        return ()
    changes: dict[str, tuple[set[str], set[str]]] = {}
    ordered = sorted(user_ids)
    for start in range(0, len(ordered), _MOST_AT_ONCE):
        rows = await tx.together(_RECOMPUTE, tx.tenant, ordered[start : start + _MOST_AT_ONCE], tx.now)
        for number, statement in enumerate(("gained", "lost")):
            for row in rows[statement]:
                changes.setdefault(str(row["user_id"]), (set(), set()))[number].add(row["role"])
    changed = tuple(
        RoleChange(user_id, frozenset(gained), frozenset(lost)) for user_id, (gained, lost) in sorted(changes.items())
    )
    if changed:
        tx.effects.add(RolesChanged(changed, reason))
    return changed


async def recompute_some(tx: Transaction, limit: int = MOST_AT_COMMIT) -> Sequence[RoleChange] | None:
    """Of up to `limit` users whose roles are pending, losses first; None where none are.

    Those whom another transaction holds stay pending. Raises `TryAgain` where it holds all of them.
    """
    pending = await pending_users.free(tx, limit)
    if not pending:
        return () if await pending_users.wait_for_others(tx) else None
    # Users come before what is pending of them in the order of locks, so that this may not wait for one of them.
    taken = pending if tx.exclusive else [str(row["id"]) for row in await tx.fetch(_LOCK_FREE, tx.tenant, pending)]
    if not taken:
        raise TryAgain
    await pending_users.remove(tx, taken)
    return await recompute(tx, taken, RulesChanged())


async def _of_users(
    session: Session, statement: Statement, user_ids: Sequence[str]
) -> tuple[Sequence[Row], Sequence[str]]:
    """Rows, in the order of the users, and those users of whom all are among them."""
    rows = await session.fetch(statement, session.tenant, [*filter(is_id, user_ids)])
    last = str(rows[MOST_ROWS]["user_id"]) if len(rows) > MOST_ROWS else None
    return rows[:MOST_ROWS], read_whole(user_ids, last)
