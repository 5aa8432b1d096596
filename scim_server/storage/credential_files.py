"""The URL and the password of a database, as files: Kubernetes replaces those of a mounted Secret."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class CredentialFiles:
    """Both are read for each new connection, as Kubernetes replaces a mounted Secret."""

    url: Path | None = None
    password: Path | None = None

    def __bool__(self) -> bool:
        return self.url is not None or self.password is not None


NO_FILES = CredentialFiles()


def read_credential(file: Path) -> str:
    """Without the line's end. Raises OSError, and ValueError for a file that isn't one line of text."""
    lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    if len(lines) != 1 or not lines[0] or "\ufffd" in lines[0]:
        raise ValueError("one line of text is expected")
    return lines[0]
