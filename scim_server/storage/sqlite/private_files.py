"""The files of a database hold personal data: they are their owner's alone, whatever the umask."""

import os
import stat
from pathlib import Path

from scim_server.storage.errors import StorageUnavailable

_OWNER_ALONE = 0o600
_BESIDE = ("-wal", "-shm", "-journal")


def keep_private(path: Path) -> None:
    """Make the database's file, where there is none, and take others' rights from those that are there.

    SQLite gives new files beside it the same rights. A file of another account is left as it is: whose it is decides.
    Raises `StorageUnavailable`.
    """
    try:
        os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, _OWNER_ALONE))
        for file in (path, *(path.with_name(path.name + end) for end in _BESIDE)):
            _take_from_others(file)
    except OSError as error:
        raise StorageUnavailable(f"SQLite database {path}: {error.strerror}") from error


def _take_from_others(file: Path) -> None:
    try:
        found = file.stat()
    except FileNotFoundError:
        return
    if found.st_uid == os.geteuid() and stat.S_IMODE(found.st_mode) & ~_OWNER_ALONE:
        file.chmod(_OWNER_ALONE)
