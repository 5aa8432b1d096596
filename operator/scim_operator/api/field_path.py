"""Paths of fields, written as Kubernetes writes them: `spec.rules[0].roles[1]`."""

import re
from collections.abc import Iterable

FieldPath = tuple[str | int, ...]
"""Keys of objects and indexes of lists, from the root of an object."""

_PLAIN = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*$")


def format_field_path(path: Iterable[str | int]) -> str:
    """The path as text; the root is `""`. A key that is no identifier stands in brackets: `labels[app.io/x]`."""
    text = ""
    for part in path:
        if isinstance(part, int) or not _PLAIN.match(part):
            text += f"[{part}]"
        else:
            text += f".{part}" if text else part
    return text
