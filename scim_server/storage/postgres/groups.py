"""Groups: their rows and what they grant."""

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

import asyncpg

from scim_server.provisioning.grants import Grant
from scim_server.storage.documents import folded, from_json, to_json
from scim_server.storage.errors import DisplayNameTaken, NeedsExclusive
from scim_server.storage.grant_changes import roles_of
from scim_server.storage.ids import is_id
from scim_server.storage.index_keys import keys_of_group
from scim_server.storage.new_records import changed_group, new_group
from scim_server.storage.postgres.roles import RoleReads, RoleWrites
from scim_server.storage.postgres.search import search
from scim_server.storage.postgres.session import TryAgain
from scim_server.storage.records import Document, GroupRecord, Page, Query
from scim_server.storage.search import GROUPS

_COLUMNS = "id, document, created, modified, version"

_READ = f"SELECT {_COLUMNS} FROM groups WHERE tenant = $1 AND id = $2"

# Whether members get roles through the group, by its own grants or those of groups that it is nested in: they can
# only change under the tenant's exclusive lock, so this stays true for the transaction.
_LOCK = f"""
    SELECT {_COLUMNS}, EXISTS (
        WITH RECURSIVE above (id) AS (
            SELECT $2::uuid
            UNION
            SELECT n.group_id
            FROM above a, LATERAL (SELECT group_id FROM nestings WHERE tenant = $1 AND child_id = a.id OFFSET 0) n
        )
        SELECT FROM above, LATERAL (SELECT FROM grants WHERE tenant = $1 AND group_id = above.id LIMIT 1) granted
    ) AS grants
    FROM groups WHERE tenant = $1 AND id = $2
    FOR NO KEY UPDATE
"""

_INSERT = """
    WITH added AS (
        INSERT INTO groups (tenant, id, display_name_key, external_id_key, created, modified, version,
                            document, folded)
        VALUES ($1, $2, $3, $4, $5, $5, 1, $6, $7)
        ON CONFLICT (tenant, display_name_key) DO NOTHING
        RETURNING id
    ), granted AS (
        INSERT INTO grants (tenant, group_id, mapping, rule, role)
        SELECT $1, added.id, g.mapping, g.rule, g.role
        FROM added, unnest($8::text[], $9::text[], $10::text[]) AS g (mapping, rule, role)
    )
    SELECT id FROM added
"""

_HOLDER_OF_NAME = "SELECT id FROM groups WHERE tenant = $1 AND display_name_key = $2"

_UPDATE = """
    UPDATE groups
    SET display_name_key = $3, external_id_key = $4, modified = $5, version = $6, document = $7, folded = $8
    WHERE tenant = $1 AND id = $2
"""

_TOUCH = "UPDATE groups SET modified = $3, version = $4 WHERE tenant = $1 AND id = $2"

_GRANTS = "SELECT mapping, rule, role FROM grants WHERE tenant = $1 AND group_id = $2"

_NO_GRANTS = "DELETE FROM grants WHERE tenant = $1 AND group_id = $2"

_GRANT = """
    INSERT INTO grants (tenant, group_id, mapping, rule, role)
    SELECT $1, $2, * FROM unnest($3::text[], $4::text[], $5::text[])
"""

_USERS_BELOW = """
    WITH RECURSIVE below (id) AS (
        SELECT unnest($2::uuid[])
        UNION
        SELECT n.child_id
        FROM below b, LATERAL (SELECT child_id FROM nestings WHERE tenant = $1 AND group_id = b.id OFFSET 0) n
    )
    SELECT DISTINCT m.user_id
    FROM below, LATERAL (SELECT user_id FROM memberships WHERE tenant = $1 AND group_id = below.id OFFSET 0) m
"""

_IS_NESTED = "SELECT EXISTS (SELECT FROM nestings WHERE tenant = $1 AND (group_id = $2 OR child_id = $2))"

_DELETE = """
    WITH members AS (DELETE FROM memberships WHERE tenant = $1 AND group_id = $2),
         nested AS (DELETE FROM nestings WHERE tenant = $1 AND (group_id = $2 OR child_id = $2)),
         granted AS (DELETE FROM grants WHERE tenant = $1 AND group_id = $2)
    DELETE FROM groups WHERE tenant = $1 AND id = $2
"""

_TOUCH_PARENTS = """
    UPDATE groups g SET version = g.version + 1, modified = greatest($3, g.modified + interval '1 microsecond')
    FROM nestings n WHERE n.tenant = $1 AND n.child_id = $2 AND g.tenant = $1 AND g.id = n.group_id
"""


class GroupReads(RoleReads):
    async def group(self, group_id: str) -> GroupRecord | None:
        if not is_id(group_id):
            return None
        row = await self._connection.fetchrow(_READ, self.tenant, group_id)
        return None if row is None else _record(row)

    async def groups(self, query: Query) -> Page[GroupRecord]:
        return await search(self._connection, self.tenant, GROUPS, query, _COLUMNS, _record)


class GroupWrites(GroupReads, RoleWrites):
    async def lock_group(self, group_id: str) -> GroupRecord | None:
        if not is_id(group_id):
            return None
        row = await self._connection.fetchrow(_LOCK, self.tenant, group_id)
        self.now = datetime.now(UTC)
        if row is None:
            return None
        self._locked_groups[group_id] = row["grants"]
        return _record(row)

    async def insert_group(self, document: Document, grants: Collection[Grant]) -> GroupRecord:
        keys = keys_of_group(document)
        record = new_group(document, self.now)
        added = await self._connection.fetchval(
            _INSERT,
            self.tenant,
            record.id,
            keys.display_name,
            keys.external_id,
            self.now,
            to_json(document),
            to_json(folded(document)),
            *_columns_of(grants),
        )
        if added is None:
            await self._raise_if_display_name_taken(keys.display_name)
            raise TryAgain  # its holder was deleted in between
        self._locked_groups[record.id] = bool(grants)
        return record

    async def update_group(self, record: GroupRecord, document: Document, grants: Collection[Grant]) -> GroupRecord:
        keys = keys_of_group(document)
        if keys.display_name != keys_of_group(record.document).display_name:
            await self._raise_if_display_name_taken(keys.display_name)
        await self._regrant(record.id, frozenset(grants))
        updated = changed_group(record, document, self.now)
        try:
            await self._connection.execute(
                _UPDATE,
                self.tenant,
                record.id,
                keys.display_name,
                keys.external_id,
                updated.modified,
                updated.version,
                to_json(document),
                to_json(folded(document)),
            )
        except asyncpg.UniqueViolationError:  # taken since we looked: the next attempt will see by whom
            raise TryAgain from None
        return updated

    async def touch_group(self, record: GroupRecord) -> GroupRecord:
        touched = changed_group(record, record.document, self.now)
        await self._connection.execute(_TOUCH, self.tenant, record.id, touched.modified, touched.version)
        return touched

    async def delete_group(self, group_id: str) -> bool:
        if await self.lock_group(group_id) is None:
            return False
        grants_reach = self._locked_groups.pop(group_id)
        nested = await self._connection.fetchval(_IS_NESTED, self.tenant, group_id)
        if nested and not self.exclusive:
            raise NeedsExclusive
        affected = await self._users_below(group_id) if grants_reach else []
        if affected and not nested:
            await self._lock_users(affected)
        if nested:
            await self._connection.execute(_TOUCH_PARENTS, self.tenant, group_id, self.now)
        await self._connection.execute(_DELETE, self.tenant, group_id)
        await self._settle(affected)
        return True

    async def _regrant(self, group_id: str, grants: frozenset[Grant]) -> None:
        """Make these the grants of a locked group, and settle its members where roles differ."""
        rows = await self._connection.fetch(_GRANTS, self.tenant, group_id)
        before = {Grant(row["mapping"], row["rule"], row["role"]) for row in rows}
        if before == grants:
            return
        if not self.exclusive:
            raise NeedsExclusive
        await self._connection.execute(_NO_GRANTS, self.tenant, group_id)
        await self._connection.execute(_GRANT, self.tenant, group_id, *_columns_of(grants))
        self._locked_groups.pop(group_id, None)
        if roles_of(before) != roles_of(grants):
            await self._settle(await self._users_below(group_id))

    async def _grants_reach(self, group_id: str) -> bool:
        """Whether members of the group get roles through it. Locks the group, if it isn't locked yet."""
        if group_id not in self._locked_groups:
            await self.lock_group(group_id)
        return self._locked_groups.get(group_id, False)

    async def _users_below(self, *group_ids: str) -> list[str]:
        """Members of the groups and of groups nested in them, to any depth."""
        return [str(row["user_id"]) for row in await self._connection.fetch(_USERS_BELOW, self.tenant, group_ids)]

    async def _raise_if_display_name_taken(self, display_name_key: str) -> None:
        holder = await self._connection.fetchval(_HOLDER_OF_NAME, self.tenant, display_name_key)
        if holder is not None:
            raise DisplayNameTaken(str(holder))


def _columns_of(grants: Collection[Grant]) -> tuple[list[str], list[str], list[str]]:
    ordered = sorted(grants)
    return (
        [grant.mapping for grant in ordered],
        [grant.rule for grant in ordered],
        [grant.role for grant in ordered],
    )


def _record(row: Any) -> GroupRecord:
    return GroupRecord(str(row["id"]), from_json(row["document"]), row["created"], row["modified"], row["version"])
