"""Effective roles: settling them, and telling why a user has them."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from scim_server.provisioning.effective import GroupGrant, HeldRole
from scim_server.storage.postgres.session import ReadSession, WriteSession
from scim_server.storage.protocol import GroupReference, RoleChange
from scim_server.storage.records import is_id

# Groups that users are in, directly or through member groups; UNION ends cycles.
_REACHED = """
    reached (user_id, group_id) AS (
        SELECT m.user_id, m.group_id
        FROM named JOIN memberships m ON m.user_id = named.id
        WHERE m.tenant = $1
        UNION
        SELECT r.user_id, n.group_id
        FROM reached r JOIN nestings n ON n.child_id = r.group_id
        WHERE n.tenant = $1
    )
"""

_GROUPS_OF = f"""
    WITH RECURSIVE named AS (SELECT unnest($2::uuid[]) AS id), {_REACHED}
    SELECT r.user_id, g.id, g.document::json ->> 'displayName' AS display,
           EXISTS (SELECT FROM memberships m
                   WHERE m.tenant = $1 AND m.group_id = g.id AND m.user_id = r.user_id) AS direct
    FROM reached r JOIN groups g ON g.tenant = $1 AND g.id = r.group_id
    ORDER BY g.display_name_key, g.id
"""

_EFFECTIVE = f"""
    WITH RECURSIVE named AS (SELECT unnest($2::uuid[]) AS id), {_REACHED}
    SELECT ur.user_id, ur.role, ur.since, NULL AS mapping, NULL AS rule, NULL AS display
    FROM named JOIN user_roles ur ON ur.tenant = $1 AND ur.user_id = named.id
    UNION ALL
    SELECT r.user_id, a.role, NULL, a.mapping, a.rule, g.document::json ->> 'displayName'
    FROM reached r
    JOIN grants a ON a.tenant = $1 AND a.group_id = r.group_id
    JOIN groups g ON g.tenant = $1 AND g.id = r.group_id
    ORDER BY role
"""

# Only differences are written, so `since` of a role that stays survives.
_SETTLE = f"""
    WITH RECURSIVE named AS MATERIALIZED (
        SELECT u.id
        FROM unnest($2::uuid[]) AS asked (id) JOIN users u ON u.tenant = $1 AND u.id = asked.id
        WHERE u.active
    ), {_REACHED}, mapped AS MATERIALIZED (
        SELECT DISTINCT r.user_id, a.role
        FROM reached r JOIN grants a ON a.tenant = $1 AND a.group_id = r.group_id
    ), wanted AS MATERIALIZED (
        SELECT user_id, role FROM mapped
        UNION
        SELECT named.id, role
        FROM named, tenants t, unnest(t.base_roles) AS role
        WHERE t.tenant = $1
        UNION
        SELECT named.id, role
        FROM named, tenants t, unnest(t.fallback_roles) AS role
        WHERE t.tenant = $1 AND NOT EXISTS (SELECT FROM mapped WHERE mapped.user_id = named.id)
    ), gone AS (
        DELETE FROM user_roles ur
        USING unnest($2::uuid[]) AS asked (id)
        WHERE ur.tenant = $1 AND ur.user_id = asked.id
          AND NOT EXISTS (SELECT FROM wanted w WHERE w.user_id = ur.user_id AND w.role = ur.role)
        RETURNING ur.user_id, ur.role
    ), new AS (
        INSERT INTO user_roles (tenant, user_id, role, since)
        SELECT $1, w.user_id, w.role, $3
        FROM wanted w
        WHERE NOT EXISTS (
            SELECT FROM user_roles ur WHERE ur.tenant = $1 AND ur.user_id = w.user_id AND ur.role = w.role
        )
        RETURNING user_id, role
    )
    SELECT user_id, role, false AS added FROM gone
    UNION ALL
    SELECT user_id, role, true FROM new
"""

_LOCK_USERS = """
    SELECT u.id
    FROM (SELECT DISTINCT unnest($2::uuid[]) AS id) AS asked JOIN users u ON u.tenant = $1 AND u.id = asked.id
    ORDER BY u.id
    FOR NO KEY UPDATE OF u
"""


class RoleReads(ReadSession):
    async def groups_of(self, user_ids: Collection[str]) -> Mapping[str, Sequence[GroupReference]]:
        found: dict[str, list[GroupReference]] = defaultdict(list)
        for row in await self._connection.fetch(_GROUPS_OF, self.tenant, [*filter(is_id, user_ids)]):
            found[str(row["user_id"])].append(GroupReference(str(row["id"]), row["display"], row["direct"]))
        return dict(found)

    async def effective_roles(
        self, user_ids: Collection[str]
    ) -> Mapping[str, tuple[Sequence[HeldRole], Sequence[GroupGrant]]]:
        found: dict[str, tuple[list[HeldRole], list[GroupGrant]]] = {user_id: ([], []) for user_id in user_ids}
        for row in await self._connection.fetch(_EFFECTIVE, self.tenant, [*filter(is_id, user_ids)]):
            held, grants = found[str(row["user_id"])]
            if row["since"] is not None:
                held.append(HeldRole(row["role"], row["since"]))
            else:
                grants.append(GroupGrant(row["role"], row["mapping"], row["rule"], row["display"]))
        return found


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
        if not user_ids:
            return ()
        changes: dict[str, tuple[set[str], set[str]]] = {}
        for row in await self._connection.fetch(_SETTLE, self.tenant, user_ids, self.now):
            added, removed = changes.setdefault(str(row["user_id"]), (set(), set()))
            (added if row["added"] else removed).add(row["role"])
        return [
            RoleChange(user_id, frozenset(added), frozenset(removed))
            for user_id, (added, removed) in sorted(changes.items())
        ]
