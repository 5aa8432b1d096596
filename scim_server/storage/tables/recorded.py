"""Events and the request's line in the sync log, in one round trip."""

from collections.abc import Sequence

from scim_server.storage.session import Transaction
from scim_server.storage.tables import events, sync_log
from scim_server.storage.tables.events import NewEvent
from scim_server.storage.tables.sync_log import LogLine


async def write(tx: Transaction, new: Sequence[NewEvent], line: LogLine | None) -> None:
    await events.append(tx, new)
    if line is not None:
        await sync_log.append(tx, [line])
