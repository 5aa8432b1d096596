"""Members of groups: a table, changed by the difference alone."""

import sqlite3
from collections.abc import AsyncIterator, Collection, Sequence

from scim_server.scim.patch import MembersDelta
from scim_server.storage.documents import to_json
from scim_server.storage.errors import UnknownMembers
from scim_server.storage.records import Member, MembersChanged
from scim_server.storage.sqlite.groups import GroupReads, GroupWrites, grants_reach, users_below
from scim_server.storage.sqlite.roles import settle

_CHUNK = """
    SELECT * FROM (
        SELECT user_id AS id, 'User' AS kind, NULL AS display FROM memberships
        WHERE tenant = ?1 AND group_id = ?2 AND user_id > ?3
        ORDER BY user_id LIMIT ?4
    )
    UNION ALL
    SELECT * FROM (
        SELECT child_id, 'Group', NULL FROM nestings
        WHERE tenant = ?1 AND group_id = ?2 AND child_id > ?3
        ORDER BY child_id LIMIT ?4
    )
    ORDER BY id LIMIT ?4
"""

_NAMED_CHUNK = """
    SELECT * FROM (
        SELECT m.user_id AS id, 'User' AS kind,
               coalesce(u.document ->> 'displayName', u.document ->> 'userName') AS display
        FROM memberships m CROSS JOIN users u ON u.tenant = ?1 AND u.id = m.user_id
        WHERE m.tenant = ?1 AND m.group_id = ?2 AND m.user_id > ?3
        ORDER BY m.user_id LIMIT ?4
    )
    UNION ALL
    SELECT * FROM (
        SELECT n.child_id, 'Group', g.document ->> 'displayName'
        FROM nestings n CROSS JOIN groups g ON g.tenant = ?1 AND g.id = n.child_id
        WHERE n.tenant = ?1 AND n.group_id = ?2 AND n.child_id > ?3
        ORDER BY n.child_id LIMIT ?4
    )
    ORDER BY id LIMIT ?4
"""

_MISSING = """
    SELECT value FROM json_each(?3)
    WHERE value NOT IN (SELECT user_id FROM memberships WHERE tenant = ?1 AND group_id = ?2)
      AND value NOT IN (SELECT child_id FROM nestings WHERE tenant = ?1 AND group_id = ?2)
"""

_UNWANTED = """
    SELECT user_id FROM memberships
    WHERE tenant = ?1 AND group_id = ?2 AND user_id NOT IN (SELECT value FROM json_each(?3))
    UNION ALL
    SELECT child_id FROM nestings
    WHERE tenant = ?1 AND group_id = ?2 AND child_id NOT IN (SELECT value FROM json_each(?3))
"""

_UNKNOWN = """
    SELECT asked.value FROM json_each(?2) asked
    WHERE NOT EXISTS (SELECT 1 FROM users WHERE tenant = ?1 AND id = asked.value)
      AND NOT EXISTS (SELECT 1 FROM groups WHERE tenant = ?1 AND id = asked.value)
    ORDER BY asked.value
"""

_ADD_USERS = """
    INSERT INTO memberships (tenant, group_id, user_id)
    SELECT ?1, ?2, u.id FROM json_each(?3) asked CROSS JOIN users u ON u.tenant = ?1 AND u.id = asked.value
    WHERE true
    ON CONFLICT DO NOTHING
    RETURNING user_id
"""

_ADD_GROUPS = """
    INSERT INTO nestings (tenant, group_id, child_id)
    SELECT ?1, ?2, g.id FROM json_each(?3) asked CROSS JOIN groups g ON g.tenant = ?1 AND g.id = asked.value
    WHERE true
    ON CONFLICT DO NOTHING
    RETURNING child_id
"""

_REMOVE_USERS = """
    DELETE FROM memberships
    WHERE tenant = ?1 AND group_id = ?2 AND user_id IN (SELECT value FROM json_each(?3))
    RETURNING user_id
"""

_REMOVE_GROUPS = """
    DELETE FROM nestings
    WHERE tenant = ?1 AND group_id = ?2 AND child_id IN (SELECT value FROM json_each(?3))
    RETURNING child_id
"""


class MembershipReads(GroupReads):
    async def members(
        self, group_id: str, chunk: int = 1000, *, names: bool = True
    ) -> AsyncIterator[Sequence[Member]]:
        statement, last = _NAMED_CHUNK if names else _CHUNK, ""
        while True:
            members = await self._connection.run(_members_after, statement, self.tenant, group_id, last, chunk)
            if members:
                yield members
            if len(members) < chunk:
                return
            last = members[-1].id


class MembershipWrites(MembershipReads, GroupWrites):
    async def change_members(self, group_id: str, delta: MembersDelta) -> MembersChanged:
        return await self._connection.run(_change, self.tenant, self._now, group_id, delta)


def _members_after(
    connection: sqlite3.Connection, statement: str, tenant: str, group_id: str, last: str, chunk: int
) -> Sequence[Member]:
    return [Member(*row) for row in connection.execute(statement, (tenant, group_id, last, chunk))]


def _change(
    connection: sqlite3.Connection, tenant: str, now: int, group_id: str, delta: MembersDelta
) -> MembersChanged:
    def column(statement: str, ids: Collection[str]) -> list[str]:
        """The first column of the rows that the statement returns about this group and these ids."""
        if not ids:
            return []
        return [one for (one,) in connection.execute(statement, (tenant, group_id, to_json([*ids])))]

    add, remove = delta.add, delta.remove
    if delta.replace is not None:
        wanted = (tenant, group_id, to_json([*delta.replace]))
        add = frozenset(one for (one,) in connection.execute(_MISSING, wanted))
        remove = frozenset(one for (one,) in connection.execute(_UNWANTED, wanted))
    if add and (unknown := connection.execute(_UNKNOWN, (tenant, to_json([*add]))).fetchall()):
        raise UnknownMembers([one for (one,) in unknown])
    changed = MembersChanged(
        column(_ADD_USERS, add),
        column(_REMOVE_USERS, remove),
        column(_ADD_GROUPS, add),
        column(_REMOVE_GROUPS, remove),
    )
    if changed and grants_reach(connection, tenant, group_id):
        nested = [*changed.added_groups, *changed.removed_groups]
        below = users_below(connection, tenant, nested) if nested else []
        settle(connection, tenant, now, [*changed.added_users, *changed.removed_users, *below])
    return changed
