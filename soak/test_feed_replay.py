"""As `tests/robustness/test_feed_replay.py`, for some minutes."""

from pathlib import Path

from tests.robustness.feed_replay import replay


async def test_a_replay_ends_with_what_a_read_shows(tmp_path: Path, postgres_dsn: str) -> None:
    await replay(tmp_path, postgres_dsn, kills=12, between=range(200, 1000))
