"""What is noted of credentials comes into the database, and only what is new."""

import asyncio
from pathlib import Path

from scim_server import changes
from scim_server.auth.last_uses import LastUses
from scim_server.config import ConfigHolder
from scim_server.storage.records import CredentialUses
from scim_server.storage.sqlite.storage import SqliteStorage

ONE, TWO = ("acme/okta", "one"), ("acme/okta", "two")


class WatchedStorage(SqliteStorage):
    """Tells which uses were to be written, and whether they were."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, changes.record)
        self.attempts: asyncio.Queue[tuple[set[tuple[str, str]], bool]] = asyncio.Queue()

    async def note_uses(self, uses: CredentialUses) -> None:
        try:
            await super().note_uses(uses)
        except Exception:
            self.attempts.put_nowait((set(uses), False))
            raise
        self.attempts.put_nowait((set(uses), True))

    async def next_attempt(self) -> tuple[set[tuple[str, str]], bool]:
        return await asyncio.wait_for(self.attempts.get(), 30)


async def test_what_is_new_is_written_now_and_then_also_after_the_database_was_away(tmp_path: Path) -> None:
    storage = WatchedStorage(tmp_path / "scim.db")
    uses = LastUses(storage, ConfigHolder())
    uses.note(*ONE)
    uses.note(*TWO)
    running = asyncio.create_task(uses.run(every=0.01))
    for _ in range(2):
        assert await storage.next_attempt() == ({ONE, TWO}, False), "it isn't open yet"
    await storage.open()
    while not (attempt := await storage.next_attempt())[1]:
        pass
    assert attempt[0] == {ONE, TWO}
    uses.note(*TWO)
    assert await storage.next_attempt() == ({TWO}, True)
    running.cancel()
    await uses.close()
    assert storage.attempts.empty(), "nothing is new"
    assert await storage.uses() == uses.with_noted({})
    await storage.close()


async def test_a_server_ends_though_the_database_is_away(tmp_path: Path) -> None:
    storage = WatchedStorage(tmp_path / "scim.db")
    uses = LastUses(storage, ConfigHolder())
    uses.note(*ONE)
    await uses.close()
    assert await storage.next_attempt() == ({ONE}, False)
