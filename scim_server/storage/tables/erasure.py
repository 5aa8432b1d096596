"""What is left of deleted users, and how it goes: after `forget_deleted` no table tells anything personal of them.

A table with rows of users has its line in `USER_TABLES`, or is named here with the reason why not.
"""

from collections.abc import Collection, Mapping

from scim_server.storage.session import Transaction
from scim_server.storage.statement import Statement
from scim_server.storage.tables import events, sync_log, tombstones

USER_TABLES: Mapping[str, str] = {
    "users": "id",
    "user_emails": "user_id",
    "user_roles": "user_id",
    "role_reasons": "user_id",
    "verdicts": "user_id",
    "memberships": "user_id",
    "pending_users": "user_id",
    "held_users": "id",
    "held_memberships": "user_id",
    "tombstones": "id",
}
"""Their rows are removed: the column with the id of a user. A deletion has left most of them none."""

REDACTED = {
    "events": "they stay in their places for those who read late, without what is personal",
    "sync_log": "that a request was made stays, without names",
}

NOT_PERSONAL = {
    "captures": "names of attributes, ids and times: values were never written",
    "deliveries": "ids, times and outcomes: what is sent is read from the events, and no body of an answer is kept",
    "due": "ids and times, gone when they are done",
    "user_provider_roles": "of SQLite, whose triggers make it of users",
    "groups": "its id may be the subject of a tombstone, too",
}

_REMOVE = [
    Statement(f"DELETE FROM {table} WHERE tenant = $1 AND {column} {{in_ids:$2}}")
    for table, column in USER_TABLES.items()
]


async def forget_deleted(tx: Transaction, ids: Collection[str]) -> None:
    """That these were a user's or a group's, and all that is personal of the users."""
    if not ids:
        return
    known = await tombstones.read(tx, ids)
    users = {one.id: one.user_name for one in known if one.type == "User"}
    if users:
        await events.redact_users(tx, [*users])
        await sync_log.redact_users(tx, [*users], [name for name in users.values() if name is not None])
    for statement in _REMOVE:
        await tx.execute(statement, tx.tenant, [*ids])
