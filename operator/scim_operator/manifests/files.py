"""Which files are read, and their text. The only part of `manifests` that touches the file system."""

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

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


def read_files(paths: Sequence[Path]) -> list[SourceFile]:
    """All `*.yaml` and `*.yml` under the folders, and the files themselves; `-` is standard input.

    Sorted and each once. Names that begin with a dot are left out: editors' files, and the folders behind the links
    of a mounted ConfigMap. Raises `UnreadableFile`.
    """
    files: list[SourceFile] = []
    seen: set[Path] = set()
    for path in paths:
        if path == STDIN:
            files.append(SourceFile(STDIN_NAME, _decoded(STDIN_NAME, sys.stdin.buffer.read(_LARGEST_FILE + 1))))
            continue
        for file in _files_under(path):
            resolved = file.resolve()
            if resolved not in seen:
                seen.add(resolved)
                files.append(SourceFile(str(file), _text(file)))
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
            if file.suffix in (".yaml", ".yml") and not name.startswith(".") and file.is_file():
                yield file


def _unreadable(error: OSError) -> None:
    raise UnreadableFile(f"{error.filename}: {error.strerror}") from None


def _text(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            content = stream.read(_LARGEST_FILE + 1)
    except OSError as error:
        raise UnreadableFile(f"{file}: {error.strerror}") from None
    return _decoded(str(file), content)


def _decoded(name: str, content: bytes) -> str:
    if len(content) > _LARGEST_FILE:
        raise UnreadableFile(f"{name}: larger than {_LARGEST_FILE} bytes")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UnreadableFile(f"{name}: UTF-8 is expected") from None
