"""Called by the commit path alone, after the last change of a transaction."""

from scim_server.changes.due import note_due
from scim_server.changes.events import events_of
from scim_server.changes.sync_log import line_of
from scim_server.storage.session import Transaction
from scim_server.storage.tables.recorded import Recorded


async def record(transaction: Transaction) -> Recorded:
    """The events, the request's line in the sync log, and what is due when: the storage writes them before COMMIT.

    Where the policy only observes nobody is told of what a request set.
    """
    observes = transaction.cause.request is not None and (await transaction.policy()).observes
    following = Recorded(events=[] if observes else await events_of(transaction))
    if line := line_of(transaction, observed=observes):
        following.lines.append(line)
    await note_due(transaction, following)
    return following
