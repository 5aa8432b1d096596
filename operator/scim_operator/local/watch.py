"""Tells when the manifests in a folder, or one file, have changed."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from watchfiles import awatch

from scim_operator.local.daemon_thread import in_daemon_thread
from scim_operator.manifests.files import MANIFEST_ENDINGS

_DEBOUNCE_MS = 100
"""An editor writes a file in several steps; they count as one change."""

_STEP_MS = 20

_POLL_MS = 1000
"""Where the system tells of no changes (some network file systems), they are looked for this often."""


class Watch:
    """Watches the manifests at or below `path` from the moment it is made: read them afterwards."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen = _fingerprint(path)
        # A single file is watched through its folder: editors replace a file rather than write to it.
        self._folder = path if path.is_dir() else path.parent

    async def changes(self) -> AsyncIterator[None]:
        """Yields after each change until the task is cancelled. Several while the consumer works count as one."""
        while True:
            try:
                # What happens is told for the whole folder (the database may lie in it); the files themselves decide.
                async for _ in awatch(
                    self._folder,
                    watch_filter=None,
                    debounce=_DEBOUNCE_MS,
                    step=_STEP_MS,
                    rust_timeout=_POLL_MS,
                    yield_on_timeout=True,
                ):
                    if await self._changed():
                        yield
            except FileNotFoundError:  # the folder is gone; it may come back
                await asyncio.sleep(_POLL_MS / 1000)
                if await self._changed():
                    yield

    async def _changed(self) -> bool:
        before, self._seen = self._seen, await in_daemon_thread(_fingerprint, self._path)
        return before != self._seen


def _fingerprint(path: Path) -> frozenset[tuple[str, int, int, int]]:
    """Name, file, size and time of every manifest."""
    files = [path] if path.is_file() else [file for ending in MANIFEST_ENDINGS for file in path.rglob(f"*{ending}")]
    found = set()
    for file in files:
        try:
            status = file.stat()
        except OSError:  # removed since it was listed
            continue
        found.add((str(file), status.st_ino, status.st_size, status.st_mtime_ns))
    return frozenset(found)
