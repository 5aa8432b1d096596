"""Effective roles: settling them, and telling why a user has them."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from scim_server.provisioning.effective import GroupGrant, HeldRole
from scim_server.storage.ids import is_id
from scim_server.storage.postgres.session import ReadSession, WriteSession
from scim_server.storage.records import GroupReference, RoleChange
from scim_server.storage.user_rows import MOST_ROWS, read_whole

# In the statements below, LATERAL with OFFSET 0 is a fence: for each row on its left the planner must look into the
# index on its right. Left to itself it takes a small delta for large, where statistics are missing or old, and
# reads whole tables.

# Groups that users are in, directly or through member groups; UNION ends cycles.
_REACHED = """
    reached (user_id, group_id) AS (
        SELECT named.id, m.group_id
        FROM named, LATERAL (
            SELECT group_id FROM memberships WHERE tenant = $1 AND user_id = named.id OFFSET 0
        ) m
        UNION
        SELECT r.user_id, n.group_id
        FROM reached r, LATERAL (
            SELECT group_id FROM nestings WHERE tenant = $1 AND child_id = r.group_id OFFSET 0
        ) n
    )
"""

_ASKED = "named AS (SELECT * FROM unnest($2::uuid[]) WITH ORDINALITY AS asked (id, place))"

_GROUPS_OF = f"""
    WITH RECURSIVE {_ASKED}, {_REACHED}
    SELECT r.user_id, r.group_id, g.display, direct.member IS NOT NULL AS direct
    FROM reached r JOIN named ON named.id = r.user_id
    CROSS JOIN LATERAL (
        SELECT display_name_key, document::json ->> 'displayName' AS display
        FROM groups WHERE tenant = $1 AND id = r.group_id OFFSET 0
    ) g
    LEFT JOIN LATERAL (
        SELECT user_id AS member
        FROM memberships WHERE tenant = $1 AND group_id = r.group_id AND user_id = r.user_id OFFSET 0
    ) direct ON true
    ORDER BY named.place, g.display_name_key, r.group_id
    LIMIT {MOST_ROWS + 1}
"""

_EFFECTIVE = f"""
    WITH RECURSIVE {_ASKED}, {_REACHED}
    SELECT named.id AS user_id, held.role, held.since, NULL AS mapping, NULL AS rule, NULL AS display,
           named.place, false AS granted
    FROM named, LATERAL (
        SELECT role, since FROM user_roles WHERE tenant = $1 AND user_id = named.id OFFSET 0
    ) held
    UNION ALL
    SELECT r.user_id, a.role, NULL, a.mapping, a.rule, g.display, named.place, true
    FROM reached r JOIN named ON named.id = r.user_id, LATERAL (
        SELECT mapping, rule, role FROM grants WHERE tenant = $1 AND group_id = r.group_id OFFSET 0
    ) a, LATERAL (
        SELECT document::json ->> 'displayName' AS display
        FROM groups WHERE tenant = $1 AND id = r.group_id OFFSET 0
    ) g
    ORDER BY place, granted, role
    LIMIT {MOST_ROWS + 1}
"""

# Only differences are written, so `since` of a role that stays survives. NOT IN is a hashed look-up, however many
# users there are; NOT EXISTS would be a join, for which the planner has to guess.
_SETTLE = f"""
    WITH RECURSIVE named AS MATERIALIZED (
        SELECT id FROM users WHERE tenant = $1 AND id = ANY ($2::uuid[]) AND active
    ), {_REACHED}, mapped AS MATERIALIZED (
        SELECT DISTINCT r.user_id, a.role
        FROM reached r, LATERAL (SELECT role FROM grants WHERE tenant = $1 AND group_id = r.group_id OFFSET 0) a
    ), wanted AS MATERIALIZED (
        SELECT user_id, role FROM mapped
        UNION
        SELECT named.id, role
        FROM named, tenants t, unnest(t.base_roles) AS role
        WHERE t.tenant = $1
        UNION
        SELECT named.id, role
        FROM named, tenants t, unnest(t.fallback_roles) AS role
        WHERE t.tenant = $1 AND named.id NOT IN (SELECT user_id FROM mapped)
    ), gone AS (
        DELETE FROM user_roles
        WHERE tenant = $1 AND user_id = ANY ($2::uuid[])
          AND (user_id, role) NOT IN (SELECT user_id, role FROM wanted)
        RETURNING user_id, role
    ), new AS (
        INSERT INTO user_roles (tenant, user_id, role, since)
        SELECT $1, user_id, role, $3 FROM wanted
        ON CONFLICT DO NOTHING
        RETURNING user_id, role
    )
    SELECT user_id, role, false AS added FROM gone
    UNION ALL
    SELECT user_id, role, true FROM new
"""

# Beyond some thousands of users their roles outgrow the memory that PostgreSQL gives a hashed look-up, and it takes
# to searching lists row by row.
_AT_ONCE = 1000

_LOCK_USERS = """
    SELECT id FROM users WHERE tenant = $1 AND id = ANY ($2::uuid[]) ORDER BY id FOR NO KEY UPDATE
"""


class RoleReads(ReadSession):
    async def groups_of(self, user_ids: Sequence[str]) -> Mapping[str, Sequence[GroupReference]]:
        rows, whole = await self._of_users(_GROUPS_OF, user_ids)
        found: dict[str, list[GroupReference]] = {user_id: [] for user_id in whole}
        for row in rows:
            if (groups := found.get(str(row["user_id"]))) is not None:
                groups.append(GroupReference(str(row["group_id"]), row["display"], row["direct"]))
        return found

    async def effective_roles(
        self, user_ids: Sequence[str]
    ) -> Mapping[str, tuple[Sequence[HeldRole], Sequence[GroupGrant]]]:
        rows, whole = await self._of_users(_EFFECTIVE, user_ids)
        found: dict[str, tuple[list[HeldRole], list[GroupGrant]]] = {user_id: ([], []) for user_id in whole}
        for row in rows:
            of_user = found.get(str(row["user_id"]))
            if of_user is None:
                break
            held, grants = of_user
            if row["since"] is not None:
                held.append(HeldRole(row["role"], row["since"]))
            else:
                grants.append(GroupGrant(row["role"], row["mapping"], row["rule"], row["display"]))
        return found

    async def _of_users(self, statement: str, user_ids: Sequence[str]) -> tuple[Sequence[Any], Sequence[str]]:
        """Rows, in the order of the users, and those users of whom all are among them."""
        rows = await self._connection.fetch(statement, self.tenant, [*filter(is_id, user_ids)])
        last = str(rows[MOST_ROWS]["user_id"]) if len(rows) > MOST_ROWS else None
        return rows[:MOST_ROWS], read_whole(user_ids, last)


class RoleWrites(RoleReads, WriteSession):
    async def settle_users(self, user_ids: Collection[str]) -> Sequence[RoleChange]:
        asked = [*filter(is_id, user_ids)]
        await self._lock_users(asked)
        return await self._settle(asked)

    async def _lock_users(self, user_ids: Collection[str]) -> list[str]:
        """Those of the users that exist: until the commit, nobody else changes them or their memberships."""
        return [str(row["id"]) for row in await self._connection.fetch(_LOCK_USERS, self.tenant, user_ids)]

    async def _settle(self, user_ids: Collection[str]) -> Sequence[RoleChange]:
        """`settle_users` where the locks are held already. Its statement must begin after they were taken."""
        changes: dict[str, tuple[set[str], set[str]]] = {}
        ordered = sorted(user_ids)
        for start in range(0, len(ordered), _AT_ONCE):
            part = ordered[start : start + _AT_ONCE]
            for row in await self._connection.fetch(_SETTLE, self.tenant, part, self.now):
                added, removed = changes.setdefault(str(row["user_id"]), (set(), set()))
                (added if row["added"] else removed).add(row["role"])
        return [
            RoleChange(user_id, frozenset(added), frozenset(removed))
            for user_id, (added, removed) in sorted(changes.items())
        ]
