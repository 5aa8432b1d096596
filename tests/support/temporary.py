"""A short-named directory for one run, which a killed run leaves for the next one to remove."""

import fcntl
import os
import shutil
import tempfile
from pathlib import Path

_PREFIX = "scim-test-"
_LOCK = ".lock"
_MEMORY = Path("/dev/shm")
_PLENTY = 4 << 30


class RunDirectory:
    """`/tmp/scim-test-XXXXXXXX`, held by a file lock while this process lives; elsewhere below `parent`.

    The name is short whatever TMPDIR and pytest's base directory are, because the address of a Unix socket ends at
    107 bytes. Making one removes those of runs that were killed: their locks are free.
    """

    path: Path

    def __init__(self, parent: Path = Path("/tmp")) -> None:
        _remove_leftovers(parent)
        self.path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
        if os.geteuid() == 0:
            self.path.chmod(0o755)  # PostgreSQL runs as another account then
        self._lock = _open_lock(self.path / _LOCK)
        fcntl.flock(self._lock, fcntl.LOCK_EX)

    def remove(self) -> None:
        """Delete the directory with everything in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)


def place_for_data() -> Path:
    """Where to make directories for much that needn't outlive the machine: in memory where there is plenty."""
    if os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > _PLENTY:
        return _MEMORY
    return Path("/tmp")


def _remove_leftovers(parent: Path) -> None:
    for directory in parent.glob(f"{_PREFIX}*"):
        try:
            if directory.stat().st_uid != os.geteuid():
                continue
            lock = os.open(directory / _LOCK, os.O_RDWR)
        except OSError:  # just being made, or just removed, by another run
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:  # its run lives
            continue
        else:
            shutil.rmtree(directory, ignore_errors=True)
        finally:
            os.close(lock)


def _open_lock(path: Path) -> int:
    return os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
