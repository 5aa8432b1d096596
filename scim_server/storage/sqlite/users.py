"""Users: their rows, e-mail addresses and first roles."""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from scim_server.storage.documents import from_json, to_json
from scim_server.storage.errors import UserNameTaken
from scim_server.storage.index_keys import UserKeys, keys_of_user
from scim_server.storage.new_records import changed_user, new_user
from scim_server.storage.records import Document, Page, Query, UserRecord
from scim_server.storage.search import USERS
from scim_server.storage.sqlite.roles import RoleReads, RoleWrites, settle
from scim_server.storage.sqlite.search import search
from scim_server.storage.sqlite.times import (
    from_microseconds,
    from_optional_microseconds,
    microseconds,
    optional_microseconds,
)

_COLUMNS = "id, document, active, blocked_at, created, modified, version"

_READ = f"SELECT {_COLUMNS} FROM users WHERE tenant = ? AND id = ?"

_INSERT = """
    INSERT INTO users (tenant, id, user_name_key, display_name_key, external_id_key, active, blocked_at,
                       created, modified, version, document)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (tenant, user_name_key) DO NOTHING
"""

_HOLDER_OF_NAME = "SELECT id FROM users WHERE tenant = ? AND user_name_key = ?"

# A new user is in no group: its roles are the base and fallback ones, without any look at grants.
_FIRST_ROLES = """
    INSERT INTO user_roles (tenant, user_id, role, since)
    SELECT ?1, ?2, value, ?3
    FROM (SELECT b.value FROM tenants t, json_each(t.base_roles) b WHERE t.tenant = ?1
          UNION
          SELECT f.value FROM tenants t, json_each(t.fallback_roles) f WHERE t.tenant = ?1)
"""

_UPDATE = """
    UPDATE users
    SET user_name_key = ?, display_name_key = ?, external_id_key = ?, active = ?, blocked_at = ?,
        modified = ?, version = ?, document = ?
    WHERE tenant = ? AND id = ?
"""

_ADD_EMAIL = "INSERT INTO user_emails (tenant, value_key, user_id) VALUES (?, ?, ?)"

_TOUCH_GROUPS = """
    UPDATE groups SET version = version + 1, modified = max(?3, modified + 1)
    WHERE tenant = ?1 AND id IN (SELECT group_id FROM memberships WHERE tenant = ?1 AND user_id = ?2)
"""

_BELONGINGS = ("user_emails", "user_roles", "memberships", "unsettled")


@dataclass(frozen=True, slots=True)
class _Row:
    """A user as it is written."""

    tenant: str
    record: UserRecord
    keys: UserKeys
    text: str


class UserReads(RoleReads):
    async def user(self, user_id: str) -> UserRecord | None:
        return await self._connection.run(_read, self.tenant, user_id)

    async def users(self, query: Query) -> Page[UserRecord]:
        return await search(self._connection, self.tenant, USERS, query, _COLUMNS, _record)


class UserWrites(UserReads, RoleWrites):
    async def lock_user(self, user_id: str) -> UserRecord | None:
        return await self.user(user_id)

    async def insert_user(self, document: Document, active: bool) -> UserRecord:
        return await self._connection.run(insert_user, self.tenant, self.now, document, active)

    async def update_user(self, record: UserRecord, document: Document, active: bool) -> UserRecord:
        updated = changed_user(record, document, active, self.now)
        await self._connection.run(_update, record, _row(self.tenant, updated))
        return updated

    async def delete_user(self, user_id: str, check: Callable[[UserRecord], None] | None = None) -> bool:
        return await self._connection.run(_delete, self.tenant, self._now, user_id, check)


def _row(tenant: str, record: UserRecord) -> _Row:
    return _Row(tenant, record, keys_of_user(record.document), to_json(record.document))


def _read(connection: sqlite3.Connection, tenant: str, user_id: str) -> UserRecord | None:
    row = connection.execute(_READ, (tenant, user_id)).fetchone()
    return None if row is None else _record(row)


def insert_user(
    connection: sqlite3.Connection, tenant: str, now: datetime, document: Document, active: bool
) -> UserRecord:
    """`Writer.insert_user`; a transaction is under way."""
    record = new_user(document, active, now)
    row = _row(tenant, record)
    keys = row.keys
    created = microseconds(record.created)
    added = connection.execute(
        _INSERT,
        (
            row.tenant,
            record.id,
            keys.user_name,
            keys.display_name,
            keys.external_id,
            record.active,
            optional_microseconds(record.blocked_at),
            created,
            created,
            record.version,
            row.text,
        ),
    )
    if added.rowcount == 0:
        _raise_if_taken(connection, row)
    _add_emails(connection, row)
    if record.active:
        connection.execute(_FIRST_ROLES, (row.tenant, record.id, created))
    return record


def _update(connection: sqlite3.Connection, before: UserRecord, row: _Row) -> None:
    record, keys, keys_before = row.record, row.keys, keys_of_user(before.document)
    if keys.user_name != keys_before.user_name:
        _raise_if_taken(connection, row)
    modified = microseconds(record.modified)
    connection.execute(
        _UPDATE,
        (
            keys.user_name,
            keys.display_name,
            keys.external_id,
            record.active,
            optional_microseconds(record.blocked_at),
            modified,
            record.version,
            row.text,
            row.tenant,
            record.id,
        ),
    )
    if keys.emails != keys_before.emails:
        connection.execute("DELETE FROM user_emails WHERE tenant = ? AND user_id = ?", (row.tenant, record.id))
        _add_emails(connection, row)
    if record.active != before.active:
        settle(connection, row.tenant, modified, [record.id])


def _delete(
    connection: sqlite3.Connection, tenant: str, now: int, user_id: str, check: Callable[[UserRecord], None] | None
) -> bool:
    if check is not None and (record := _read(connection, tenant, user_id)) is not None:
        check(record)
    connection.execute(_TOUCH_GROUPS, (tenant, user_id, now))
    for table in _BELONGINGS:
        connection.execute(f"DELETE FROM {table} WHERE tenant = ? AND user_id = ?", (tenant, user_id))
    return connection.execute("DELETE FROM users WHERE tenant = ? AND id = ?", (tenant, user_id)).rowcount > 0


def _add_emails(connection: sqlite3.Connection, row: _Row) -> None:
    connection.executemany(_ADD_EMAIL, ((row.tenant, email, row.record.id) for email in row.keys.emails))


def _raise_if_taken(connection: sqlite3.Connection, row: _Row) -> None:
    holder = connection.execute(_HOLDER_OF_NAME, (row.tenant, row.keys.user_name)).fetchone()
    if holder is not None:
        raise UserNameTaken(holder["id"])


def _record(row: Any) -> UserRecord:
    return UserRecord(
        row["id"],
        from_json(row["document"]),
        bool(row["active"]),
        from_optional_microseconds(row["blocked_at"]),
        from_microseconds(row["created"]),
        from_microseconds(row["modified"]),
        row["version"],
    )
