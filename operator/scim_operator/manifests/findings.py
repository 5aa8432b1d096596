"""What is wrong with manifests, or worth knowing, and where."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from scim_operator.api import FieldPath, ObjectKey, format_field_path
from scim_operator.manifests.printable import printable
from scim_operator.manifests.yaml_documents import Document


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

    @property
    def name(self) -> str:
        return f"{self.kind} {self.key}" if self.key.name else self.kind

    def line_of(self, path: FieldPath) -> int:
        """The line of a field, or of the nearest one around it that is there."""
        for end in range(len(path), -1, -1):
            line = self.document.lines.get((*self.at, *path[:end]))
            if line is not None:
                return line
        return self.document.line

    def finding(self, severity: Severity, path: FieldPath, message: str) -> "Finding":
        return Finding(severity, self.file, self.line_of(path), message, self.name, format_field_path(path))


@dataclass(frozen=True, slots=True)
class Finding:
    """One line for people: `file:line: Kind namespace/name: field: message`."""

    severity: Severity
    file: str
    line: int
    message: str
    object: str = ""
    field: str = ""

    def __str__(self) -> str:
        severity = "" if self.severity is Severity.ERROR else self.severity.value
        parts = (f"{self.file}:{self.line}", severity, self.object, self.field, self.message)
        return printable(": ".join(part for part in parts if part))
