"""Waiting until PostgreSQL says that somebody waits for a lock."""

import asyncio

import asyncpg

_WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


async def until_sessions_wait(dsn: str, number: int, seconds: float = 30.0) -> None:
    """Return when `number` sessions of the database wait for locks; raises TimeoutError after `seconds`."""
    watcher = await asyncpg.connect(dsn)
    try:
        async with asyncio.timeout(seconds):
            while await watcher.fetchval(_WAITING) < number:  # noqa: ASYNC110 - it has no event
                await asyncio.sleep(0.01)
    finally:
        await watcher.close()
