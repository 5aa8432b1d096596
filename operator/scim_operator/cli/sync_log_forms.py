"""The forms in which `scim-operator log` prints lines. Each prints what has come before more is read."""

import csv
import io
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from scim_operator.cli.columns import Columns
from scim_operator.manifests.printable import printable

COLUMNS = (
    "time",
    "credential",
    "userAgent",
    "operation",
    "resourceType",
    "resourceId",
    "resourceName",
    "status",
    "scimType",
    "detail",
    "changed",
    "gained",
    "lost",
    "durationMs",
    "requestId",
)
"""Of CSV, in this order, and the fields of a line as JSON."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What makes a spreadsheet take a text for something to compute."""
_SHOWN_AT_ONCE = 100
"""Lines of a table that share the widths of its columns."""
_WIDEST = 40
"""Characters of a cell in a table, but of the last one."""

Line = Mapping[str, Any]


class Form(ABC):
    """`begin`, then `add` for each line, then `end`: all return what is to be printed now."""

    def begin(self) -> str:
        return ""

    @abstractmethod
    def add(self, line: Line) -> str: ...

    def end(self) -> str:
        return ""


class Csv(Form):
    def begin(self) -> str:
        return _csv_row(COLUMNS)

    def add(self, line: Line) -> str:
        return _csv_row([_cell(line.get(column)) for column in COLUMNS])


class JsonLines(Form):
    def add(self, line: Line) -> str:
        return json.dumps({column: line.get(column) for column in COLUMNS}) + "\n"


class Json(Form):
    """An array."""

    def __init__(self) -> None:
        self._separator = "[\n"

    def add(self, line: Line) -> str:
        text = f"{self._separator}  {json.dumps({column: line.get(column) for column in COLUMNS})}"
        self._separator = ",\n"
        return text

    def end(self) -> str:
        return "[]\n" if self._separator == "[\n" else "\n]\n"


class Table(Form):
    """For people: the columns that matter to them, and what came of it in one."""

    _HEADINGS = ("TIME", "CREDENTIAL", "OPERATION", "RESOURCE", "STATUS", "WHAT CHANGED, OR WHY NOT")

    def __init__(self) -> None:
        self._rows: list[Sequence[str]] = [self._HEADINGS]
        self._columns = Columns()

    def add(self, line: Line) -> str:
        self._rows.append(
            (
                str(line["time"])[:19] + "Z",
                _shortened(line.get("credential")),
                _shortened(line.get("operation")),
                _shortened(line.get("resourceName") or line.get("resourceId")),
                str(line["status"]),
                printable(outcome_in_words(line)),
            )
        )
        return self._flush() if len(self._rows) > _SHOWN_AT_ONCE else ""

    def end(self) -> str:
        return self._flush() if self._columns or len(self._rows) > 1 else ""

    def _flush(self) -> str:
        lines = self._columns.lines(self._rows)
        self._rows = []
        return "".join(f"{line}\n" for line in lines)


def outcome_in_words(line: Line) -> str:
    """What changed, who gained or lost what, or why the request was refused."""
    parts = []
    if changed := line.get("changed"):
        parts.append("changed " + ", ".join(changed))
    parts += [f"{verb} {_roles(line[verb])}" for verb in ("gained", "lost") if line.get(verb)]
    if detail := line.get("detail"):
        scim_type = f"{line['scimType']}: " if line.get("scimType") else ""
        parts.append(f"{scim_type}{detail}")
    return "; ".join(parts)


def _roles(counts: Mapping[str, int]) -> str:
    """`admin (3 users), viewer`: of one user without the count."""
    return ", ".join(role if count == 1 else f"{role} ({count} users)" for role, count in counts.items())


def _cell(value: object) -> str:
    match value:
        case None:
            text = ""
        case dict():
            text = _roles(value)
        case list() | tuple():
            text = ", ".join(map(str, value))
        case _:
            text = str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _csv_row(cells: Sequence[str]) -> str:
    row = io.StringIO()
    csv.writer(row, lineterminator="\n").writerow(cells)
    return row.getvalue()


def _shortened(value: object) -> str:
    text = printable("" if value is None else str(value))
    return text if len(text) <= _WIDEST else text[: _WIDEST - 1] + "…"
