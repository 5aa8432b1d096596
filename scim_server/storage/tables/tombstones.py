"""What is known of users and groups that were deleted, for the retention."""

from collections.abc import Collection, Sequence
from dataclasses import asdict

from scim_server.scim.schema import JsonObject
from scim_server.storage.ids import is_id
from scim_server.storage.records import Tombstone
from scim_server.storage.session import Session
from scim_server.storage.statement import Statement

INSERT = """
    INSERT INTO tombstones (tenant, id, type, external_id, user_name, deleted)
    SELECT {text:$1}, e.id, e.type, e.external_id, e.user_name, e.deleted
    FROM {rows:$N e (id id, type text, external_id text, user_name text, deleted time)}
    WHERE true
    ON CONFLICT DO NOTHING
"""

_AMONG = Statement("SELECT id FROM tombstones WHERE tenant = $1 AND id {in_ids:$2}")

_READ = Statement("""
    SELECT id, type, external_id, user_name, deleted FROM tombstones WHERE tenant = $1 AND id {in_ids:$2}
""")

PREVIOUS = """
    SELECT CAST(id AS text) FROM tombstones
    WHERE tenant = $1 AND type = 'User' AND external_id = {text:EXTERNAL_ID}
    ORDER BY deleted DESC LIMIT 1
"""
"""The user that was deleted last of those that had an externalId."""


# All of a tenant are looked at: people ask this, seldom.
_OF_USER = Statement("""
    SELECT id FROM tombstones
    WHERE tenant = $1 AND type = 'User' AND (lower(user_name) = lower({text:$2}) OR external_id = $2)
    ORDER BY deleted DESC LIMIT 1
""")


def row_of(tombstone: Tombstone, deleted: object) -> JsonObject:
    """Of the rows that the statement inserts."""
    return asdict(tombstone) | {"deleted": deleted}


async def among(session: Session, ids: Sequence[str]) -> set[str]:
    """Those of the ids that were a user's or a group's."""
    return {str(row["id"]) for row in await session.fetch(_AMONG, session.tenant, ids)}


async def read(session: Session, ids: Collection[str]) -> Sequence[Tombstone]:
    return [
        Tombstone(str(row["id"]), row["type"], row["external_id"], row["user_name"], session.time(row["deleted"]))
        for row in await session.fetch(_READ, session.tenant, [*ids])
    ]


async def of_user(session: Session, called: str) -> str | None:
    """The id of the user whose id, userName (without case) or externalId it was: of several the one deleted last."""
    if is_id(called) and await among(session, [called]):
        return called
    row = await session.fetch_one(_OF_USER, session.tenant, called)
    return None if row is None else str(row["id"])
