"""What a transaction ends with, in one round trip: events, the sync log, what falls due, tombstones, and the versions
of groups whose members changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache

import orjson

from scim_server.storage.records import Due, Tombstone
from scim_server.storage.session import Transaction
from scim_server.storage.statement import Together
from scim_server.storage.tables import due, events, groups, sync_log, tombstones
from scim_server.storage.tables.events import NewEvent
from scim_server.storage.tables.sync_log import LogLine


@dataclass(slots=True)
class Recorded:
    events: list[NewEvent] = field(default_factory=list)
    lines: list[LogLine] = field(default_factory=list)
    due: dict[Due, datetime | None] = field(default_factory=dict)
    """When; None where it is due no longer."""
    tombstones: list[Tombstone] = field(default_factory=list)


async def write(tx: Transaction, recorded: Recorded) -> None:
    rows = rows_of(tx, recorded)
    if rows:
        parameters = [orjson.dumps(of_part).decode() for of_part in rows.values()]
        await tx.together(_statement(tuple(rows)), tx.tenant, *parameters)


def rows_of(tx: Transaction, recorded: Recorded) -> Mapping[str, Sequence[object]]:
    """By the name of the statement that inserts them; of those that have any."""
    time, due_ = tx.json_time, recorded.due.items()
    rows: Mapping[str, Sequence[object]] = {
        "events": [events.row_of(event, time(tx.now)) for event in recorded.events],
        "lines": [sync_log.row_of(line, time(line.time)) for line in recorded.lines],
        "due": [{"kind": one.kind, "subject": one.subject, "at": time(at)} for one, at in due_ if at is not None],
        "no_longer_due": [{"kind": one.kind, "subject": one.subject} for one, at in due_ if at is None],
        "touched": [
            {"id": group.id, "modified": time(group.modified), "version": group.version} for group in tx.touched
        ],
        "tombstones": [tombstones.row_of(one, time(one.deleted)) for one in recorded.tombstones],
    }
    return {name: of_part for name, of_part in rows.items() if of_part}


_STATEMENTS = {
    "lines": sync_log.INSERT,
    "due": due.PUT_ROWS,
    "no_longer_due": due.REMOVE_ROWS,
    "touched": groups.TOUCH_ROWS,
    "tombstones": tombstones.INSERT,
}


@lru_cache
def _statement(parts: tuple[str, ...]) -> Together:
    """Of the parts that have rows: the second parameter is the first one's, and so on."""
    return Together.either(
        postgres=Together(
            events.FLOOR if "events" in parts else "",
            **_numbered(parts, _STATEMENTS | {"events": events.INSERT_POSTGRES}),
        ),
        sqlite=Together(**_numbered(parts, _STATEMENTS | {"events": events.INSERT_SQLITE})),
    )


def _numbered(parts: tuple[str, ...], statements: Mapping[str, str]) -> Mapping[str, str]:
    return {name: statements[name].replace("$N", f"${number}") for number, name in enumerate(parts, 2)}
