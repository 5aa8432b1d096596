"""What is older than the retention goes, and nothing else."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from scim_server.background.retention import Retention
from scim_server.metrics import Metrics
from scim_server.provisioning.policy import NO_POLICY
from scim_server.storage.delivery_query import DeliveryQuery
from scim_server.storage.log_query import LogQuery
from scim_server.storage.protocol import Storage
from scim_server.storage.tables.sync_log import LogLine
from tests.scim_server.storage.steps import Steps
from tests.support.storages import SetClock, open_storage

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
LINE = LogLine(
    id="00000000-0000-4000-8000-000000000000",
    time=NOON,
    request_id="1",
    credential="okta",
    operation="create user",
    resource_type="User",
    resource_id=None,
    resource_name="ada",
    status=409,
    line="{}",
)


@pytest.fixture
def clock() -> SetClock:
    return SetClock(NOON)


@pytest.fixture
async def storage(database_url: str, clock: SetClock) -> AsyncIterator[Storage]:
    opened = open_storage(database_url, clock)
    await opened.open()
    yield opened
    await opened.close()


async def test_log_and_events_are_kept_for_the_retention(storage: Storage, clock: SetClock) -> None:
    """provisioning.md, "Sync log": retention as configured (90 days)."""
    steps = Steps(storage, "acme/okta")
    await steps.put_rules(NO_POLICY, 1)
    old = [f"00000000-0000-4000-8000-{number:012}" for number in range(2500)]
    await storage.log_refused(steps.tenant, [_line(one, NOON) for one in old])
    await steps.add_users("first", "second")
    clock.now = NOON + timedelta(days=1)
    await storage.log_refused(steps.tenant, [_line(old[0], clock.now)])
    await steps.add_user("third")
    await steps.deliver_again("crm")
    await storage.write(steps.tenant, lambda writer: writer.give_up_deliveries("crm", clock.now, "a test"))
    metrics = Metrics()
    retention = Retention(storage, metrics, clock)

    async def kept() -> tuple[int, int, int]:
        lines = await storage.read(steps.tenant, lambda reader: reader.log(LogQuery(), None, 9999))
        events = await storage.read(steps.tenant, lambda reader: reader.events_after(0, 9999))
        deliveries = await storage.read(steps.tenant, lambda reader: reader.deliveries(DeliveryQuery(), 9999))
        return len(lines), len(events), len(deliveries)

    assert await retention.do() == clock.now + timedelta(hours=1)
    assert await kept() == (2501, 3, 3)

    clock.now = NOON + NO_POLICY.retention + timedelta(minutes=30)
    await retention.do()
    assert await kept() == (1, 1, 1)
    shown = metrics.text().decode()
    assert "scim_sync_log_lines_deleted_total 2500.0" in shown
    assert "scim_events_deleted_total 2.0" in shown

    clock.now += timedelta(days=1)
    assert await retention.do() == clock.now + timedelta(hours=1)
    assert await kept() == (0, 0, 0)
    assert len(await steps.find_users("userName pr")) == 3


def _line(line_id: str, time: datetime) -> LogLine:
    return replace(LINE, id=line_id, time=time)
