"""Groups: their rows and what they grant."""

import sqlite3
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from scim_server.provisioning.grants import Grant
from scim_server.storage.documents import from_json, to_json
from scim_server.storage.errors import DisplayNameTaken
from scim_server.storage.grant_changes import roles_of
from scim_server.storage.index_keys import GroupKeys, keys_of_group
from scim_server.storage.new_records import changed_group, new_group
from scim_server.storage.records import Document, GroupRecord, Page, Query
from scim_server.storage.search import GROUPS
from scim_server.storage.sqlite.roles import RoleReads, RoleWrites, settle
from scim_server.storage.sqlite.search import search
from scim_server.storage.sqlite.times import from_microseconds, microseconds

_COLUMNS = "id, document, created, modified, version"

_READ = f"SELECT {_COLUMNS} FROM groups WHERE tenant = ? AND id = ?"

_INSERT = """
    INSERT INTO groups (tenant, id, display_name_key, external_id_key, created, modified, version, document)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (tenant, display_name_key) DO NOTHING
"""

_HOLDER_OF_NAME = "SELECT id FROM groups WHERE tenant = ? AND display_name_key = ?"

_UPDATE = """
    UPDATE groups SET display_name_key = ?, external_id_key = ?, modified = ?, version = ?, document = ?
    WHERE tenant = ? AND id = ?
"""

_TOUCH = "UPDATE groups SET modified = ?, version = ? WHERE tenant = ? AND id = ?"

_TOUCH_PARENTS = """
    UPDATE groups SET version = version + 1, modified = max(?3, modified + 1)
    WHERE tenant = ?1 AND id IN (SELECT group_id FROM nestings WHERE tenant = ?1 AND child_id = ?2)
"""

_GRANTS = "SELECT mapping, rule, role FROM grants WHERE tenant = ? AND group_id = ?"

_GRANT = "INSERT INTO grants (tenant, group_id, mapping, rule, role) VALUES (?, ?, ?, ?, ?)"

_GRANTS_REACH = """
    WITH RECURSIVE above (id) AS (
        SELECT ?2
        UNION
        SELECT n.group_id FROM above a CROSS JOIN nestings n ON n.tenant = ?1 AND n.child_id = a.id
    )
    SELECT EXISTS (SELECT 1 FROM above CROSS JOIN grants g ON g.tenant = ?1 AND g.group_id = above.id)
"""

_USERS_BELOW = """
    WITH RECURSIVE below (id) AS (
        SELECT value FROM json_each(?2)
        UNION
        SELECT n.child_id FROM below b CROSS JOIN nestings n ON n.tenant = ?1 AND n.group_id = b.id
    )
    SELECT DISTINCT m.user_id FROM below CROSS JOIN memberships m ON m.tenant = ?1 AND m.group_id = below.id
"""

_DELETE = (
    "DELETE FROM memberships WHERE tenant = ?1 AND group_id = ?2",
    "DELETE FROM nestings WHERE tenant = ?1 AND group_id = ?2",
    "DELETE FROM nestings WHERE tenant = ?1 AND child_id = ?2",
    "DELETE FROM grants WHERE tenant = ?1 AND group_id = ?2",
    "DELETE FROM groups WHERE tenant = ?1 AND id = ?2",
)


@dataclass(frozen=True, slots=True)
class _Row:
    """A group as it is written."""

    tenant: str
    record: GroupRecord
    keys: GroupKeys
    text: str
    grants: frozenset[Grant]


class GroupReads(RoleReads):
    async def group(self, group_id: str) -> GroupRecord | None:
        return await self._connection.run(_read, self.tenant, group_id)

    async def groups(self, query: Query) -> Page[GroupRecord]:
        return await search(self._connection, self.tenant, GROUPS, query, _COLUMNS, _record)


class GroupWrites(GroupReads, RoleWrites):
    async def lock_group(self, group_id: str) -> GroupRecord | None:
        return await self.group(group_id)

    async def insert_group(self, document: Document, grants: Collection[Grant]) -> GroupRecord:
        record = new_group(document, self.now)
        await self._connection.run(_insert, self._group_row(record, grants))
        return record

    async def update_group(self, record: GroupRecord, document: Document, grants: Collection[Grant]) -> GroupRecord:
        updated = changed_group(record, document, self.now)
        await self._connection.run(_update, record, self._group_row(updated, grants))
        return updated

    async def touch_group(self, record: GroupRecord) -> GroupRecord:
        touched = changed_group(record, record.document, self.now)
        await self._connection.run(_touch, self.tenant, touched)
        return touched

    async def delete_group(self, group_id: str) -> bool:
        return await self._connection.run(_delete, self.tenant, self._now, group_id)

    def _group_row(self, record: GroupRecord, grants: Collection[Grant]) -> _Row:
        return _Row(self.tenant, record, keys_of_group(record.document), to_json(record.document), frozenset(grants))


def grants_reach(connection: sqlite3.Connection, tenant: str, group_id: str) -> bool:
    """Whether members get roles through the group: by its own grants or those of groups that it is nested in."""
    (answer,) = connection.execute(_GRANTS_REACH, (tenant, group_id)).fetchone()
    return bool(answer)


def users_below(connection: sqlite3.Connection, tenant: str, group_ids: Collection[str]) -> list[str]:
    """Members of the groups and of groups nested in them, to any depth."""
    return [user_id for (user_id,) in connection.execute(_USERS_BELOW, (tenant, to_json([*group_ids])))]


def _read(connection: sqlite3.Connection, tenant: str, group_id: str) -> GroupRecord | None:
    row = connection.execute(_READ, (tenant, group_id)).fetchone()
    return None if row is None else _record(row)


def _insert(connection: sqlite3.Connection, row: _Row) -> None:
    record, created = row.record, microseconds(row.record.created)
    added = connection.execute(
        _INSERT,
        (
            row.tenant,
            record.id,
            row.keys.display_name,
            row.keys.external_id,
            created,
            created,
            record.version,
            row.text,
        ),
    )
    if added.rowcount == 0:
        _raise_if_taken(connection, row)
    _add_grants(connection, row)


def _update(connection: sqlite3.Connection, before: GroupRecord, row: _Row) -> None:
    record, modified = row.record, microseconds(row.record.modified)
    if row.keys.display_name != keys_of_group(before.document).display_name:
        _raise_if_taken(connection, row)
    connection.execute(
        _UPDATE,
        (
            row.keys.display_name,
            row.keys.external_id,
            modified,
            record.version,
            row.text,
            row.tenant,
            record.id,
        ),
    )
    held = {Grant(*columns) for columns in connection.execute(_GRANTS, (row.tenant, record.id))}
    if held == row.grants:
        return
    connection.execute("DELETE FROM grants WHERE tenant = ? AND group_id = ?", (row.tenant, record.id))
    _add_grants(connection, row)
    if roles_of(held) != roles_of(row.grants):
        settle(connection, row.tenant, modified, users_below(connection, row.tenant, [record.id]))


def _touch(connection: sqlite3.Connection, tenant: str, record: GroupRecord) -> None:
    connection.execute(_TOUCH, (microseconds(record.modified), record.version, tenant, record.id))


def _delete(connection: sqlite3.Connection, tenant: str, now: int, group_id: str) -> bool:
    reaching = grants_reach(connection, tenant, group_id)
    affected = users_below(connection, tenant, [group_id]) if reaching else []
    connection.execute(_TOUCH_PARENTS, (tenant, group_id, now))
    for statement in _DELETE:
        deleted = connection.execute(statement, (tenant, group_id)).rowcount
    settle(connection, tenant, now, affected)
    return deleted > 0


def _add_grants(connection: sqlite3.Connection, row: _Row) -> None:
    connection.executemany(
        _GRANT, ((row.tenant, row.record.id, grant.mapping, grant.rule, grant.role) for grant in sorted(row.grants))
    )


def _raise_if_taken(connection: sqlite3.Connection, row: _Row) -> None:
    holder = connection.execute(_HOLDER_OF_NAME, (row.tenant, row.keys.display_name)).fetchone()
    if holder is not None:
        raise DisplayNameTaken(holder["id"])


def _record(row: Any) -> GroupRecord:
    return GroupRecord(
        row["id"],
        from_json(row["document"]),
        from_microseconds(row["created"]),
        from_microseconds(row["modified"]),
        row["version"],
    )
