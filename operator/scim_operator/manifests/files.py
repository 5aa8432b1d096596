"""Which files are read, and their text. The only part of `manifests` that touches the file system."""

import errno
import os
import stat
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

MANIFEST_ENDINGS = (".json", ".yaml", ".yml")
"""Those that kubectl reads of a folder."""

STDIN = Path("-")
STDIN_NAME = "<stdin>"

_LARGEST_FILE = 16 << 20


class UnreadableFile(ValueError):
    """A file or folder that can't be read; the message names it."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    name: str
    """As it is shown: relative where the given path was."""

    text: str
    problem: tuple[int, str] | None = None
    """Line, and why there is no text."""


def read_files(paths: Sequence[Path]) -> list[SourceFile]:
    """All `*.yaml`, `*.yml` and `*.json` under the folders, and the files themselves; `-` is standard input.

    Sorted and each once. Names that begin with a dot are left out: editors' files, and the folders behind the links
    of a mounted ConfigMap. Raises `UnreadableFile`.
    """
    files: list[SourceFile] = []
    seen: set[Path] = set()
    for path in paths:
        if path == STDIN:
            files.append(_decoded(STDIN_NAME, sys.stdin.buffer.read(_LARGEST_FILE + 1)))
            continue
        for file in _files_under(path):
            resolved = file.resolve()
            if resolved not in seen:
                seen.add(resolved)
                files.append(_read(file))
    return files


def _files_under(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
        return
    if not path.is_dir():
        what = "neither a file nor a folder" if path.exists() else "no such file or folder"
        raise UnreadableFile(f"{path}: {what}")
    for folder, folders, names in os.walk(path, onerror=_unreadable):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            file = Path(folder, name)
            if file.suffix in MANIFEST_ENDINGS and not name.startswith(".") and file.is_file():
                yield file


def _unreadable(error: OSError) -> None:
    raise UnreadableFile(f"{error.filename}: {error.strerror}") from None


def _read(file: Path) -> SourceFile:
    try:
        content = _content(file)
    except OSError as error:
        why = "not a regular file" if error.errno == errno.EAGAIN else error.strerror
        raise UnreadableFile(f"{file}: {why}") from None
    return _decoded(str(file), content)


def _content(file: Path) -> bytes:
    """Without waiting for anybody: a pipe may have taken the file's place, and some files of the system, such as
    /proc/kmsg, look like regular ones and never end. Raises `OSError`."""
    descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise BlockingIOError(errno.EAGAIN, "not a regular file")
        content = bytearray()
        while len(content) <= _LARGEST_FILE:
            read = os.read(descriptor, _LARGEST_FILE + 1 - len(content))
            if not read:
                break
            content += read
        return bytes(content)
    finally:
        os.close(descriptor)


def _decoded(name: str, content: bytes) -> SourceFile:
    if len(content) > _LARGEST_FILE:
        raise UnreadableFile(f"{name}: larger than {_LARGEST_FILE} bytes")
    try:
        return SourceFile(name, content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        return SourceFile(name, "", (content.count(b"\n", 0, error.start) + 1, "UTF-8 is expected"))
