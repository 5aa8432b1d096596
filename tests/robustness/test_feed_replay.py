"""A consumer that replays the feed ends with what a read shows."""

from pathlib import Path

from tests.robustness.feed_replay import replay


async def test_a_replay_ends_with_what_a_read_shows(tmp_path: Path, postgres_dsn: str) -> None:
    """provisioning.md, "Events for applications": 16 writers on two replicas, each of which is killed once."""
    follower = await replay(tmp_path, postgres_dsn, kills=2, between=range(60, 120))
    assert {"user.created", "user.deleted", "user.blocked", "user.deactivated", "user.roles_changed"} <= {
        *follower.types
    }
