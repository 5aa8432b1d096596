"""Called by the commit path alone, after the last change of a transaction."""

from scim_server.changes.due import record_due
from scim_server.changes.events import events_of
from scim_server.changes.sync_log import line_of
from scim_server.storage.session import Transaction
from scim_server.storage.tables import recorded


async def record(transaction: Transaction) -> None:
    """What is due when, the events, and the request's line in the sync log."""
    await record_due(transaction)
    await recorded.write(transaction, await events_of(transaction), line_of(transaction))
