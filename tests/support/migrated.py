"""Databases of the newest schema without rows. Migrating takes longer than many a test, and copying doesn't."""

import asyncio
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

from tests.support.storages import open_storage


def migrate(url: str) -> None:
    """May be called where an event loop runs, which waits."""

    async def open_and_close() -> None:
        storage = open_storage(url)
        await storage.open()
        await storage.close()

    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, open_and_close()).result()


def make_sqlite(path: Path) -> str:
    """Returns its URL."""
    path.touch(0o600)
    path.write_bytes(_migrated_sqlite())
    return f"sqlite:///{path}"


@cache
def _migrated_sqlite() -> bytes:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "scim.db"
        migrate(f"sqlite:///{path}")
        return path.read_bytes()
