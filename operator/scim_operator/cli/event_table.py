"""Events as a table for people."""

from collections.abc import Sequence
from typing import Any

from scim_operator.cli.columns import Columns
from scim_operator.inspect.source import Answer
from scim_operator.manifests.printable import printable

_HEADINGS = ("TIME", "SEQUENCE", "TYPE", "SUBJECT", "WHAT", "BECAUSE OF")


class EventTable:
    """Prints events as they come."""

    def __init__(self) -> None:
        self._columns = Columns()

    def rows(self, events: Sequence[Answer]) -> str:
        """The headings come before the first events."""
        if not events:
            return ""
        rows = [] if self._columns else [_HEADINGS]
        rows += [_row(event) for event in events]
        return "".join(f"{line}\n" for line in self._columns.lines(rows))


def _row(event: Answer) -> tuple[str, str, str, str, str, str]:
    subject: Any = event.get("user") or event.get("group") or {}
    name = subject.get("userName") or subject.get("displayName") or subject.get("id") or ""
    return (
        f"{event['time'][:19]}Z",
        str(event["sequence"]),
        event["type"],
        printable(name),
        printable(_what(event)),
        printable(_cause(event["cause"])),
    )


def _what(event: Answer) -> str:
    if "addedCount" in event:
        return f"+{event['addedCount']} -{event['removedCount']} members"
    if (user := event.get("user")) is None:
        return ""
    changed = [f"+{role['value']}" for role in event.get("added", ())]
    changed += [f"-{role['value']}" for role in event.get("removed", ())]
    return ", ".join((user["state"], *changed))


def _cause(cause: Answer) -> str:
    if cause["kind"] == "request":
        return f"request by {cause.get('credential')}"
    return f"{cause['kind']}: {cause['detail']}" if cause.get("detail") else str(cause["kind"])
