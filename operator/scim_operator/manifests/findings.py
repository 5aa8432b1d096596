"""What is wrong with manifests, or worth knowing, and where."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from scim_operator.api import FieldPath, ObjectKey, format_field_path
from scim_operator.manifests.printable import printable
from scim_operator.manifests.yaml_documents import Document

NAMELESS = ObjectKey("", "")
CLUSTER_SCOPED = "-"
"""Stands for the namespace of a Namespace in its key."""

_LONGEST = 253
_SHOWN = 60
"""Characters of a name that is too long to be one."""


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"
    """What a cluster may know better: a Secret that is not among the files, say."""
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Manifest:
    """One object, and where it stands."""

    file: str
    document: Document
    at: FieldPath
    """Path of the object in its document: the root, or an item of a List."""

    value: dict[str, Any]
    kind: str
    key: ObjectKey

    def line_of(self, path: FieldPath) -> int:
        """The line of a field, or of the nearest one around it that is there."""
        return self.document.line_of((*self.at, *path))

    def finding(self, severity: Severity, path: FieldPath, message: str) -> "Finding":
        return Finding(severity, self.file, self.line_of(path), message, self.kind, self.key, format_field_path(path))


@dataclass(frozen=True, slots=True)
class Finding:
    """One line for people: `file:line: Kind namespace/name: field: message`.

    What is wrong with a file as a whole has neither kind nor key. An object without a name has the key `NAMELESS`.
    """

    severity: Severity
    file: str
    line: int
    message: str
    kind: str = ""
    key: ObjectKey = NAMELESS
    field: str = ""

    @property
    def text(self) -> str:
        """The line without file, line and severity."""
        named = f"{self.kind} {_shortened(self.key)}" if self.key.name else self.kind
        return printable(": ".join(part for part in (named, self.field, self.message) if part))

    def __str__(self) -> str:
        severity = "" if self.severity is Severity.ERROR else f"{self.severity}: "
        return f"{printable(self.file)}:{self.line}: {severity}{self.text}"


def _shortened(key: ObjectKey) -> str:
    return str(ObjectKey(*(part if len(part) <= _LONGEST else f"{part[:_SHOWN]}…" for part in key)))
