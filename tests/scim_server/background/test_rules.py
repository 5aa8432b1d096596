"""What the rules applier does for some shards while another one's rules can't be stored."""

from pathlib import Path

import pytest

from scim_server.background.rules import RulesApplier
from scim_server.clock import utc_now
from scim_server.config import ConfigHolder, shard_of
from scim_server.directory.stored_rules import StoredRules
from scim_server.metrics import Metrics
from tests.scim_server.storage.raw_sql import execute
from tests.scim_server.storage.steps import Steps
from tests.support.serving import Connection, bundle_of
from tests.support.storages import open_storage

BROKEN, WORKING = Connection("umbrella/okta"), Connection("acme/okta")


async def test_a_shard_that_fails_stops_no_other(tmp_path: Path) -> None:
    assert shard_of(BROKEN.key) < shard_of(WORKING.key)
    url = f"sqlite:///{tmp_path / 'scim.db'}"
    storage = open_storage(url)
    await storage.open()
    holder = ConfigHolder()
    applier = RulesApplier(storage, StoredRules(storage), holder, Metrics(), utc_now)
    await execute(
        url,
        f"CREATE TRIGGER broken BEFORE INSERT ON tenants WHEN new.tenant = '{BROKEN.key}'"
        " BEGIN SELECT raise(ABORT, 'broken'); END",
    )
    steps = Steps(storage, WORKING.key)
    user = await steps.add_user("ann")
    holder.offer(bundle_of(BROKEN, WORKING, revision=3), "test")

    with pytest.raises(Exception, match="broken"):
        await applier.do()
    assert applier.applied_revision_of(shard_of(BROKEN.key)) == 0
    assert applier.applied_revision_of(shard_of(WORKING.key)) == 3
    assert await steps.roles(user) == {"viewer", "guest"}

    await execute(url, "DROP TRIGGER broken")
    await applier.do()
    assert applier.applied_revision_of(None) == 3
    await storage.close()
