"""Effective roles: settling them, and telling why a user has them."""

import sqlite3
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from scim_server.provisioning.effective import GroupGrant, HeldRole
from scim_server.storage.documents import to_json
from scim_server.storage.records import GroupReference, RoleChange
from scim_server.storage.sqlite.session import ReadSession, WriteSession
from scim_server.storage.sqlite.times import from_microseconds
from scim_server.storage.user_rows import MOST_ROWS, read_whole

# Groups that users (?2: a JSON array of ids) are in, directly or through member groups; UNION ends cycles.
_REACHED = """
    reached (user_id, group_id, place) AS (
        SELECT m.user_id, m.group_id, asked.key
        FROM json_each(?2) asked CROSS JOIN memberships m ON m.tenant = ?1 AND m.user_id = asked.value
        UNION
        SELECT r.user_id, n.group_id, r.place
        FROM reached r CROSS JOIN nestings n ON n.tenant = ?1 AND n.child_id = r.group_id
    )
"""

_GROUPS_OF = f"""
    WITH RECURSIVE {_REACHED}
    SELECT r.user_id, g.id, g.document ->> 'displayName' AS display,
           EXISTS (SELECT 1 FROM memberships m
                   WHERE m.tenant = ?1 AND m.group_id = g.id AND m.user_id = r.user_id) AS direct
    FROM reached r CROSS JOIN groups g ON g.tenant = ?1 AND g.id = r.group_id
    ORDER BY r.place, g.display_name_key, g.id
    LIMIT {MOST_ROWS + 1}
"""

_HELD = f"""
    SELECT ur.user_id, ur.role, ur.since
    FROM json_each(?2) asked CROSS JOIN user_roles ur ON ur.tenant = ?1 AND ur.user_id = asked.value
    ORDER BY asked.key, ur.role
    LIMIT {MOST_ROWS + 1}
"""

_GRANTED = f"""
    WITH RECURSIVE {_REACHED}
    SELECT r.user_id, a.role, a.mapping, a.rule, g.document ->> 'displayName' AS display
    FROM reached r
    CROSS JOIN grants a ON a.tenant = ?1 AND a.group_id = r.group_id
    CROSS JOIN groups g ON g.tenant = ?1 AND g.id = r.group_id
    ORDER BY r.place, a.role
    LIMIT {MOST_ROWS + 1}
"""

# CROSS JOIN: SQLite takes the tables in this order, from the few users asked for.
_WANTED = f"""
    WITH RECURSIVE {_REACHED}, named (id) AS MATERIALIZED (
        SELECT u.id FROM json_each(?2) asked CROSS JOIN users u ON u.tenant = ?1 AND u.id = asked.value WHERE u.active
    ), mapped (user_id, role) AS MATERIALIZED (
        SELECT DISTINCT r.user_id, a.role
        FROM reached r CROSS JOIN grants a ON a.tenant = ?1 AND a.group_id = r.group_id
        WHERE r.user_id IN (SELECT id FROM named)
    ), wanted (user_id, role) AS MATERIALIZED (
        SELECT user_id, role FROM mapped
        UNION
        SELECT named.id, role.value
        FROM named, tenants t, json_each(t.base_roles) role WHERE t.tenant = ?1
        UNION
        SELECT named.id, role.value
        FROM named, tenants t, json_each(t.fallback_roles) role
        WHERE t.tenant = ?1 AND named.id NOT IN (SELECT user_id FROM mapped)
    )
"""

_GONE = f"""
    {_WANTED}
    SELECT ur.user_id, ur.role
    FROM json_each(?2) asked CROSS JOIN user_roles ur ON ur.tenant = ?1 AND ur.user_id = asked.value
    EXCEPT
    SELECT user_id, role FROM wanted
"""

_REMOVE = "DELETE FROM user_roles WHERE tenant = ? AND user_id = ? AND role = ?"

# Only what is missing is inserted, so `since` of a role that stays survives.
_ADD = f"""
    {_WANTED}
    INSERT INTO user_roles (tenant, user_id, role, since)
    SELECT ?1, user_id, role, ?3 FROM wanted
    WHERE true
    ON CONFLICT DO NOTHING
    RETURNING user_id, role
"""


class RoleReads(ReadSession):
    async def groups_of(self, user_ids: Sequence[str]) -> Mapping[str, Sequence[GroupReference]]:
        return await self._connection.run(_groups_of, self.tenant, user_ids)

    async def effective_roles(
        self, user_ids: Sequence[str]
    ) -> Mapping[str, tuple[Sequence[HeldRole], Sequence[GroupGrant]]]:
        return await self._connection.run(_effective_roles, self.tenant, user_ids)


class RoleWrites(RoleReads, WriteSession):
    async def settle_users(self, user_ids: Collection[str]) -> Sequence[RoleChange]:
        return await self._connection.run(settle, self.tenant, self._now, user_ids)


def settle(connection: sqlite3.Connection, tenant: str, now: int, user_ids: Collection[str]) -> Sequence[RoleChange]:
    """Make `user_roles` of these users what memberships and grants say."""
    if not user_ids:
        return ()
    asked = to_json([*user_ids])
    changes: dict[str, tuple[set[str], set[str]]] = defaultdict(lambda: (set(), set()))
    gone = connection.execute(_GONE, (tenant, asked)).fetchall()
    connection.executemany(_REMOVE, ((tenant, user_id, role) for user_id, role in gone))
    for user_id, role in gone:
        changes[user_id][1].add(role)
    for user_id, role in connection.execute(_ADD, (tenant, asked, now)).fetchall():
        changes[user_id][0].add(role)
    return [
        RoleChange(user_id, frozenset(added), frozenset(removed))
        for user_id, (added, removed) in sorted(changes.items())
    ]


def _groups_of(
    connection: sqlite3.Connection, tenant: str, user_ids: Sequence[str]
) -> Mapping[str, Sequence[GroupReference]]:
    rows, whole = _of_users(connection, _GROUPS_OF, tenant, user_ids)
    found: dict[str, list[GroupReference]] = {user_id: [] for user_id in whole}
    for row in rows:
        if (groups := found.get(row["user_id"])) is not None:
            groups.append(GroupReference(row["id"], row["display"], bool(row["direct"])))
    return found


def _effective_roles(
    connection: sqlite3.Connection, tenant: str, user_ids: Sequence[str]
) -> Mapping[str, tuple[Sequence[HeldRole], Sequence[GroupGrant]]]:
    held, whole = _of_users(connection, _HELD, tenant, user_ids)
    granted, whole = _of_users(connection, _GRANTED, tenant, whole)
    found: dict[str, tuple[list[HeldRole], list[GroupGrant]]] = {user_id: ([], []) for user_id in whole}
    for row in held:
        if of_user := found.get(row["user_id"]):
            of_user[0].append(HeldRole(row["role"], from_microseconds(row["since"])))
    for row in granted:
        if of_user := found.get(row["user_id"]):
            of_user[1].append(GroupGrant(row["role"], row["mapping"], row["rule"], row["display"]))
    return found


def _of_users(
    connection: sqlite3.Connection, statement: str, tenant: str, user_ids: Sequence[str]
) -> tuple[Sequence[Any], Sequence[str]]:
    """Rows, in the order of the users, and those users of whom all are among them."""
    rows = connection.execute(statement, (tenant, to_json([*user_ids]))).fetchall()
    last = rows[MOST_ROWS]["user_id"] if len(rows) > MOST_ROWS else None
    return rows[:MOST_ROWS], read_whole(user_ids, last)
