"""Users: their rows, e-mail addresses and first roles."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import asyncpg

from scim_server.storage.documents import folded, from_json, to_json
from scim_server.storage.errors import UserNameTaken
from scim_server.storage.ids import is_id
from scim_server.storage.index_keys import keys_of_user
from scim_server.storage.new_records import changed_user, new_user
from scim_server.storage.postgres.roles import RoleReads, RoleWrites
from scim_server.storage.postgres.search import search
from scim_server.storage.postgres.session import TryAgain, tenant_lock
from scim_server.storage.records import Document, Page, Query, UserRecord
from scim_server.storage.search import USERS

_COLUMNS = "id, document, active, blocked_at, created, modified, version"

_READ = f"SELECT {_COLUMNS} FROM users WHERE tenant = $1 AND id = $2"

_LOCK = f"{_READ} FOR NO KEY UPDATE"

# The function takes the tenant's lock by itself, so that adding a user can be a transaction of one round trip.
_INSERT = "SELECT insert_user($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"

_HOLDER_OF_NAME = "SELECT id FROM users WHERE tenant = $1 AND user_name_key = $2"

_UPDATE = """
    UPDATE users
    SET user_name_key = $3, display_name_key = $4, external_id_key = $5, active = $6, blocked_at = $7,
        modified = $8, version = $9, document = $10, folded = $11
    WHERE tenant = $1 AND id = $2
"""

_REPLACE_EMAILS = """
    WITH gone AS (
        DELETE FROM user_emails WHERE tenant = $1 AND user_id = $2 AND value_key <> ALL ($3::text[])
    )
    INSERT INTO user_emails (tenant, value_key, user_id)
    SELECT $1, value_key, $2 FROM unnest($3::text[]) AS value_key
    ON CONFLICT DO NOTHING
"""

_GROUPS_WITH = "SELECT group_id FROM memberships WHERE tenant = $1 AND user_id = $2"

_LOCK_GROUPS = """
    SELECT FROM groups WHERE tenant = $1 AND id = ANY ($2::uuid[]) ORDER BY id FOR NO KEY UPDATE
"""

_DELETE = """
    WITH touched AS (
             UPDATE groups SET version = version + 1, modified = greatest($3, modified + interval '1 microsecond')
             WHERE tenant = $1 AND id = ANY ($4::uuid[])
         ),
         emails AS (DELETE FROM user_emails WHERE tenant = $1 AND user_id = $2),
         roles AS (DELETE FROM user_roles WHERE tenant = $1 AND user_id = $2),
         members AS (DELETE FROM memberships WHERE tenant = $1 AND user_id = $2)
    DELETE FROM users WHERE tenant = $1 AND id = $2
"""


class UserReads(RoleReads):
    async def user(self, user_id: str) -> UserRecord | None:
        return await self._fetch_user(_READ, user_id)

    async def users(self, query: Query) -> Page[UserRecord]:
        return await search(self._connection, self.tenant, USERS, query, _COLUMNS, _record)

    async def _fetch_user(self, statement: str, user_id: str) -> UserRecord | None:
        if not is_id(user_id):
            return None
        row = await self._connection.fetchrow(statement, self.tenant, user_id)
        return None if row is None else _record(row)


class UserWrites(UserReads, RoleWrites):
    async def lock_user(self, user_id: str) -> UserRecord | None:
        record = await self._fetch_user(_LOCK, user_id)
        self.now = datetime.now(UTC)
        return record

    async def insert_user(self, document: Document, active: bool) -> UserRecord:
        keys = keys_of_user(document)
        record = new_user(document, active, self.now)
        added = await self._connection.fetchval(
            _INSERT,
            tenant_lock(self.tenant),
            self.tenant,
            record.id,
            keys.user_name,
            keys.display_name,
            keys.external_id,
            active,
            self.now,
            to_json(document),
            to_json(folded(document)),
            keys.emails,
        )
        if not added:
            await self._raise_user_name_taken(keys.user_name)
        return record

    async def update_user(self, record: UserRecord, document: Document, active: bool) -> UserRecord:
        keys, keys_before = keys_of_user(document), keys_of_user(record.document)
        if keys.user_name != keys_before.user_name:
            await self._raise_if_user_name_taken(keys.user_name)
        updated = changed_user(record, document, active, self.now)
        try:
            await self._connection.execute(
                _UPDATE,
                self.tenant,
                record.id,
                keys.user_name,
                keys.display_name,
                keys.external_id,
                active,
                updated.blocked_at,
                updated.modified,
                updated.version,
                to_json(document),
                to_json(folded(document)),
            )
        except asyncpg.UniqueViolationError:  # taken since we looked: the next attempt will see by whom
            raise TryAgain from None
        if keys.emails != keys_before.emails:
            await self._connection.execute(_REPLACE_EMAILS, self.tenant, record.id, keys.emails)
        if active != record.active:
            await self._settle([record.id])
        return updated

    async def delete_user(self, user_id: str, check: Callable[[UserRecord], None] | None = None) -> bool:
        if not is_id(user_id):
            return False
        locked = await self._groups_with(user_id)
        if locked:
            await self._connection.execute(_LOCK_GROUPS, self.tenant, sorted(locked))
        record = await self.lock_user(user_id)
        if record is None:
            return False
        groups = await self._groups_with(user_id)
        if groups - locked:  # locking them now would break the order of locks
            raise TryAgain
        if check is not None:
            check(record)
        await self._connection.execute(_DELETE, self.tenant, user_id, self.now, sorted(groups))
        return True

    async def _groups_with(self, user_id: str) -> set[str]:
        return {str(row["group_id"]) for row in await self._connection.fetch(_GROUPS_WITH, self.tenant, user_id)}

    async def _raise_if_user_name_taken(self, user_name_key: str) -> None:
        holder = await self._connection.fetchval(_HOLDER_OF_NAME, self.tenant, user_name_key)
        if holder is not None:
            raise UserNameTaken(str(holder))

    async def _raise_user_name_taken(self, user_name_key: str) -> None:
        await self._raise_if_user_name_taken(user_name_key)
        raise TryAgain  # its holder was deleted in between


def _record(row: Any) -> UserRecord:
    return UserRecord(
        str(row["id"]),
        from_json(row["document"]),
        row["active"],
        row["blocked_at"],
        row["created"],
        row["modified"],
        row["version"],
    )
