"""Rows straight into the server's own tables, where the way over HTTP would take hours.

It is the one place that has to follow the migrations of `scim_server.storage`.
"""

import asyncio
import sqlite3
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg

from benchmarks.installation import TENANT, user
from scim_server.folding import fold
from scim_server.storage.documents import folded, to_json
from scim_server.storage.index_keys import UserKeys, keys_of_user
from scim_server.storage.records import Document
from scim_server.storage.urls import sqlite_path

_BATCH = 20_000


@dataclass(frozen=True, slots=True)
class _User:
    id: str
    created: datetime
    document: Document
    keys: UserKeys


def load_users(database_url: str, count: int, progress: Callable[[int], None]) -> list[str]:
    """Add users 0 to `count` - 1 of `installation.user`, as if each had been created over HTTP in that order.

    They are active, with their e-mail addresses, base and fallback roles, in no group. PostgreSQL takes them by
    COPY. `progress` is called with how many are there. Returns their ids in the order of creation.
    """
    if database_url.startswith("sqlite:"):
        return _into_sqlite(database_url, count, progress)
    return asyncio.run(_into_postgresql(database_url, count, progress))


async def _into_postgresql(url: str, count: int, progress: Callable[[int], None]) -> list[str]:
    ids: list[str] = []
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("ALTER TABLE users DISABLE TRIGGER users_added")
        for users in _batches(count):
            rows = {
                "users": [
                    {
                        **_columns(user),
                        "active": True,
                        "created": user.created,
                        "modified": user.created,
                        "folded": to_json(folded(user.document)),
                    }
                    for user in users
                ],
                "user_emails": _emails(users),
                "user_roles": [{**role, "since": user.created} for user in users for role in _roles(user)],
            }
            for table, records in rows.items():
                await connection.copy_records_to_table(
                    table, columns=[*records[0]], records=[tuple(record.values()) for record in records]
                )
            ids += [user.id for user in users]
            progress(len(ids))
        await connection.execute("ALTER TABLE users ENABLE TRIGGER users_added")
        total = "INSERT INTO totals (tenant, kind, lane, added, removed) VALUES ($1, 'users', 0, $2, 0)"
        await connection.execute(total, TENANT.key, count)
    finally:
        await connection.close()
    return ids


def _into_sqlite(url: str, count: int, progress: Callable[[int], None]) -> list[str]:
    ids: list[str] = []
    with closing(sqlite3.connect(sqlite_path(url), timeout=60)) as connection:
        connection.create_function("fold", 1, fold, deterministic=True)  # a trigger's
        for users in _batches(count):
            rows = {
                "users": [
                    {
                        **_columns(user),
                        "active": 1,
                        "created": _microseconds(user.created),
                        "modified": _microseconds(user.created),
                    }
                    for user in users
                ],
                "user_emails": _emails(users),
                "user_roles": [
                    {**role, "since": _microseconds(user.created)} for user in users for role in _roles(user)
                ],
            }
            with connection:
                for table, records in rows.items():
                    names = ", ".join(records[0])
                    places = ", ".join(f":{name}" for name in records[0])
                    connection.executemany(f"INSERT INTO {table} ({names}) VALUES ({places})", records)
            ids += [user.id for user in users]
            progress(len(ids))
    return ids


def _batches(count: int) -> Iterator[list[_User]]:
    first_created = datetime.now(UTC) - timedelta(microseconds=count)
    for first in range(0, count, _BATCH):
        yield [
            _user(number, first_created + timedelta(microseconds=number))
            for number in range(first, min(first + _BATCH, count))
        ]


def _user(number: int, created: datetime) -> _User:
    """With the document as storage keeps it: without what storage or configuration derives."""
    document = user(number)
    del document["schemas"], document["groups"]
    return _User(str(uuid.uuid4()), created, document, keys_of_user(document))


def _columns(user: _User) -> dict[str, Any]:
    """What both databases hold alike."""
    return {
        "tenant": TENANT.key,
        "id": user.id,
        "user_name_key": user.keys.user_name,
        "display_name_key": user.keys.display_name,
        "external_id_key": user.keys.external_id,
        "version": 1,
        "document": to_json(user.document),
    }


def _emails(users: list[_User]) -> list[dict[str, Any]]:
    return [
        {"tenant": TENANT.key, "value_key": email, "user_id": user.id} for user in users for email in user.keys.emails
    ]


def _roles(user: _User) -> list[dict[str, Any]]:
    """Those of a user whom no mapping gives a role."""
    return [
        {"tenant": TENANT.key, "user_id": user.id, "role": role} for role in TENANT.base_roles + TENANT.fallback_roles
    ]


def _microseconds(instant: datetime) -> int:
    return (instant - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
