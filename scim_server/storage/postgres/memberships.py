"""Members of groups: a table, changed by the difference alone."""

from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Sequence

from scim_server.scim.patch import MembersDelta
from scim_server.storage.errors import NeedsExclusive, UnknownMembers
from scim_server.storage.ids import is_id
from scim_server.storage.postgres.groups import GroupReads, GroupWrites
from scim_server.storage.records import Member, MembersChanged

_BEFORE_ALL = "00000000-0000-0000-0000-000000000000"

_PART = """
    (SELECT user_id AS id, 'User' AS kind FROM memberships
     WHERE tenant = $1 AND group_id = $2 AND user_id > $3 ORDER BY user_id LIMIT $4)
    UNION ALL
    (SELECT child_id, 'Group' FROM nestings
     WHERE tenant = $1 AND group_id = $2 AND child_id > $3 ORDER BY child_id LIMIT $4)
    ORDER BY id LIMIT $4
"""

_CHUNK = f"SELECT id::text, kind, NULL AS display FROM ({_PART}) AS part ORDER BY part.id"

# The chunk is cut before names are looked up: LATERAL with OFFSET 0 keeps the planner from joining whole tables.
_NAMED_CHUNK = f"""
    SELECT part.id::text, part.kind, coalesce(u.display, g.display) AS display
    FROM ({_PART}) AS part
    LEFT JOIN LATERAL (
        SELECT coalesce(document::json ->> 'displayName', document::json ->> 'userName') AS display
        FROM users WHERE tenant = $1 AND id = part.id OFFSET 0
    ) u ON part.kind = 'User'
    LEFT JOIN LATERAL (
        SELECT document::json ->> 'displayName' AS display FROM groups WHERE tenant = $1 AND id = part.id OFFSET 0
    ) g ON part.kind = 'Group'
    ORDER BY part.id
"""

# What makes the present members the wanted ones. The group's row is locked, so this can't go stale.
_DIFFERENCE = """
    WITH wanted AS (
        SELECT DISTINCT unnest($3::uuid[]) AS id
    ), present AS (
        SELECT user_id AS id FROM memberships WHERE tenant = $1 AND group_id = $2
        UNION ALL
        SELECT child_id FROM nestings WHERE tenant = $1 AND group_id = $2
    )
    SELECT coalesce(wanted.id, present.id) AS id, present.id IS NULL AS missing
    FROM wanted FULL JOIN present ON present.id = wanted.id
    WHERE wanted.id IS NULL OR present.id IS NULL
"""

# Every named user is locked, in the order of ids, before its membership changes: so it can't be deleted meanwhile,
# and its roles, settled by the next statement, see every other change of it.
#
# Set operations, because a join of two lists whose lengths the planner doesn't know may be planned as nested loops.
_CHANGE = """
    WITH named AS MATERIALIZED (
        SELECT id FROM users WHERE tenant = $1 AND id = ANY ($3::uuid[] || $4::uuid[]) ORDER BY id FOR NO KEY UPDATE
    ), removed AS (
        DELETE FROM memberships
        WHERE tenant = $1 AND group_id = $2
          AND user_id = ANY (ARRAY (SELECT id FROM named INTERSECT SELECT unnest($4::uuid[])))
        RETURNING user_id
    ), added AS (
        INSERT INTO memberships (tenant, group_id, user_id)
        SELECT $1, $2, id FROM (SELECT id FROM named INTERSECT SELECT unnest($3::uuid[])) AS adding
        ON CONFLICT DO NOTHING
        RETURNING user_id
    )
    SELECT 'added' AS what, user_id AS id FROM added
    UNION ALL
    SELECT 'removed', user_id FROM removed
    UNION ALL
    SELECT 'not a user', id FROM (SELECT unnest($3::uuid[] || $4::uuid[]) EXCEPT SELECT id FROM named) AS others (id)
"""

_NESTING = """
    SELECT g.id, EXISTS (
        SELECT FROM nestings n WHERE n.tenant = $1 AND n.group_id = $2 AND n.child_id = g.id
    ) AS nested
    FROM groups g
    WHERE g.tenant = $1 AND g.id = ANY ($3::uuid[])
"""

_NEST = "INSERT INTO nestings (tenant, group_id, child_id) SELECT $1, $2, unnest($3::uuid[])"

_UNNEST = "DELETE FROM nestings WHERE tenant = $1 AND group_id = $2 AND child_id = ANY ($3::uuid[])"


class MembershipReads(GroupReads):
    async def members(
        self, group_id: str, chunk: int = 1000, *, names: bool = True
    ) -> AsyncIterator[Sequence[Member]]:
        if not is_id(group_id):
            return
        statement, last = _NAMED_CHUNK if names else _CHUNK, _BEFORE_ALL
        while True:
            rows = await self._connection.fetch(statement, self.tenant, group_id, last, chunk)
            if rows:
                yield [Member(row["id"], row["kind"], row["display"]) for row in rows]
            if len(rows) < chunk:
                return
            last = rows[-1]["id"]


class MembershipWrites(MembershipReads, GroupWrites):
    async def change_members(self, group_id: str, delta: MembersDelta) -> MembersChanged:
        grants_reach = await self._grants_reach(group_id)
        if delta.replace is not None:
            add, remove = await self._difference(group_id, delta.replace)
        else:
            add, remove = _valid(delta.add), [*filter(is_id, delta.remove)]
        found: dict[str, list[str]] = defaultdict(list)
        for row in await self._connection.fetch(_CHANGE, self.tenant, group_id, add, remove):
            found[row["what"]].append(str(row["id"]))
        added_groups: list[str] = []
        removed_groups: list[str] = []
        affected = found["added"] + found["removed"]
        if found["not a user"]:
            added_groups, removed_groups = await self._nest(group_id, add, found["not a user"])
            if grants_reach and (added_groups or removed_groups):
                affected += await self._users_below(*added_groups, *removed_groups)
        if grants_reach:
            await self._settle(affected)
        return MembersChanged(found["added"], found["removed"], added_groups, removed_groups)

    async def _difference(self, group_id: str, wanted: Collection[str]) -> tuple[list[str], list[str]]:
        """(to add, to remove), so that exactly `wanted` are members."""
        add: list[str] = []
        remove: list[str] = []
        for row in await self._connection.fetch(_DIFFERENCE, self.tenant, group_id, _valid(wanted)):
            (add if row["missing"] else remove).append(str(row["id"]))
        return add, remove

    async def _nest(self, group_id: str, add: list[str], not_users: list[str]) -> tuple[list[str], list[str]]:
        """Add and remove member groups: those nested now, and those that no longer are."""
        rows = await self._connection.fetch(_NESTING, self.tenant, group_id, not_users)
        nested = {str(row["id"]): row["nested"] for row in rows}
        adding = set(add)
        unknown = sorted(one for one in not_users if one in adding and one not in nested)
        if unknown:
            raise UnknownMembers(unknown)
        added = sorted(child for child, is_nested in nested.items() if child in adding and not is_nested)
        removed = sorted(child for child, is_nested in nested.items() if child not in adding and is_nested)
        if (added or removed) and not self.exclusive:
            raise NeedsExclusive
        if added:
            await self._connection.execute(_NEST, self.tenant, group_id, added)
        if removed:
            await self._connection.execute(_UNNEST, self.tenant, group_id, removed)
        return added, removed


def _valid(ids: Collection[str]) -> list[str]:
    """As a list; raises `UnknownMembers` for what can't be an id of ours."""
    unknown = sorted(one for one in ids if not is_id(one))
    if unknown:
        raise UnknownMembers(unknown)
    return [*ids]
