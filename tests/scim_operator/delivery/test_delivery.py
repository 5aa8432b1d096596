import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from scim_operator.delivery import Delivery, Fault, ManagementClient, ManagementToken, Progress, Replica, replicas_at
from tests.scim_operator.delivery.bundles import bundle
from tests.scim_operator.delivery.management_stub import TOKEN, ManagementStub
from tests.support.until import until


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text(f"{TOKEN}\n")
    return path


@pytest.fixture
async def client(token_file: Path) -> AsyncIterator[ManagementClient]:
    async with ManagementClient(ManagementToken(token_file)) as client:
        yield client


@pytest.fixture
async def stubs() -> AsyncIterator[tuple[ManagementStub, ManagementStub]]:
    async with ManagementStub() as first, ManagementStub() as second:
        yield first, second


Stubs = tuple[ManagementStub, ManagementStub]


def delivery_to(client: ManagementClient, *stubs: ManagementStub) -> Delivery:
    return Delivery(client, replicas_at([stub.url for stub in stubs]), patience_seconds=60)


async def test_a_shard_is_programmed_when_every_replica_runs_it(client: ManagementClient, stubs: Stubs) -> None:
    delivery = delivery_to(client, *stubs)
    delivery.offer(bundle(1))
    report = await delivery.deliver(0, 1)
    assert report.progress is Progress.PROGRAMMED
    assert [stub.holder.revision_of(0) for stub in stubs] == [1, 1]
    assert delivery.current_replicas == 2


async def test_a_replica_that_runs_it_is_not_pushed_again(client: ManagementClient, stubs: Stubs) -> None:
    delivery = delivery_to(client, *stubs)
    delivery.offer(bundle(1))
    await delivery.deliver(0, 1)
    await delivery.deliver(0, 1)
    await delivery.poll()
    assert [stub.pushes for stub in stubs] == [[(0, 1)], [(0, 1)]]


async def test_all_replicas_are_pushed_at_once(client: ManagementClient, stubs: Stubs) -> None:
    delivery = delivery_to(client, *stubs)
    delivery.offer(bundle(1))
    stubs[0].held = asyncio.Event()
    pushing = asyncio.create_task(delivery.deliver(0, 1))
    await until(lambda: bool(stubs[1].pushes))
    assert not pushing.done()
    stubs[0].held.set()
    assert (await pushing).progress is Progress.PROGRAMMED


async def test_one_that_hangs_is_told_at_once_and_its_late_answer_is_announced(
    client: ManagementClient, stubs: Stubs
) -> None:
    well, hanging = stubs
    delivery = Delivery(client, replicas_at([stub.url for stub in stubs]), patience_seconds=0.05)
    delivery.offer(bundle(1))
    await delivery.poll()
    hanging.held = asyncio.Event()
    changed = asyncio.Event()
    delivery.on_change = changed.set
    for revision in (2, 3):
        delivery.offer(bundle(revision))
        report = await delivery.deliver(0, revision)
        assert report.progress is Progress.WAITING
        await until(lambda wanted=revision: well.holder.revision_of(0) == wanted)  # type: ignore[misc]
        assert delivery.report(0, revision).message == "not every ready replica has answered yet"
        assert delivery.report(0, 1).progress is Progress.PROGRAMMED
    changed.clear()
    hanging.held.set()
    await changed.wait()
    await delivery.poll()
    assert hanging.pushes[-1] == (0, 3)
    assert delivery.report(0, 3).progress is Progress.PROGRAMMED


async def test_one_that_hangs_does_not_keep_the_poll_from_the_others(client: ManagementClient, stubs: Stubs) -> None:
    well, hanging = stubs
    delivery = Delivery(client, replicas_at([stub.url for stub in stubs]), poll_seconds=0.01, patience_seconds=60)
    delivery.offer(bundle(1))
    await delivery.deliver(0, 1)
    hanging.held = asyncio.Event()
    running = asyncio.create_task(delivery.run())
    try:
        for _ in range(2):
            await well.restart_empty()
            await until(lambda: well.holder.revision_of(0) == 1)
    finally:
        running.cancel()
        hanging.held.set()


async def test_a_fault_that_a_delivery_finds_concerns_all_and_a_new_revision_only_those_that_wait_for_it(
    client: ManagementClient, stubs: Stubs
) -> None:
    delivery = delivery_to(client, *stubs)
    delivery.offer(bundle(1))
    await delivery.deliver(0, 1)
    told = delivery.report(0, 1)
    said: list[bool] = []
    delivery.on_change = lambda: said.append(told.stands(delivery.report(0, 1)))
    delivery.offer(bundle(2))
    await delivery.deliver(0, 2)
    assert said
    assert all(said)
    await stubs[1].stop()
    delivery.offer(bundle(3))
    await delivery.deliver(0, 3)
    assert not said[-1]


async def test_without_replicas_nothing_is_programmed(client: ManagementClient) -> None:
    delivery = delivery_to(client)
    delivery.offer(bundle(1))
    assert (await delivery.deliver(0, 1)).progress is Progress.NO_REPLICAS


async def test_a_replica_that_does_not_answer_is_named_in_the_log(
    client: ManagementClient, stubs: Stubs, caplog: pytest.LogCaptureFixture
) -> None:
    delivery = delivery_to(client, *stubs)
    await stubs[1].stop()
    delivery.offer(bundle(1))
    report = await delivery.deliver(0, 1)
    assert report.progress is Progress.UNAVAILABLE
    assert report.message == "not every ready replica runs it: no answer; the operator's log names the replica"
    assert f"replica 127.0.0.1:{stubs[1].port}: no answer: the connection is refused" in caplog.text
    assert f"127.0.0.1:{stubs[0].port}" not in caplog.text
    assert list(delivery.faults) == [(f"127.0.0.1:{stubs[1].port}", Fault.NO_ANSWER)]
    assert stubs[0].holder.revision_of(0) == 1


async def test_one_that_comes_back_gets_everything_by_the_poll_and_that_is_announced(
    client: ManagementClient, stubs: Stubs
) -> None:
    delivery = delivery_to(client, *stubs)
    await stubs[1].stop()
    delivery.offer(bundle(1))
    await delivery.deliver(0, 1)
    changes: list[None] = []
    delivery.on_change = lambda: changes.append(None)
    await delivery.poll()
    assert not changes
    await stubs[1].start()
    await delivery.poll()
    assert stubs[1].holder.revision_of(0) == 1
    assert changes
    assert delivery.report(0, 1).progress is Progress.PROGRAMMED


async def test_one_that_restarted_without_configuration_gets_it_again(client: ManagementClient, stubs: Stubs) -> None:
    delivery = delivery_to(client, *stubs)
    delivery.offer(bundle(1))
    await delivery.deliver(0, 1)
    await stubs[0].restart_empty()
    await delivery.poll()
    assert stubs[0].holder.revision_of(0) == 1


async def test_a_wrong_token_is_a_problem_of_that_replica(client: ManagementClient, stubs: Stubs) -> None:
    stubs[0].token = "another"
    delivery = delivery_to(client, *stubs)
    delivery.offer(bundle(1))
    report = await delivery.deliver(0, 1)
    assert report.progress is Progress.UNAVAILABLE
    assert "the management token is refused" in report.message
    assert TOKEN not in report.message


async def test_the_token_is_read_anew(client: ManagementClient, stubs: Stubs, token_file: Path) -> None:
    delivery = delivery_to(client, *stubs)
    for stub in stubs:
        stub.token = "the next one"
    await asyncio.to_thread(token_file.write_text, "the next one")
    delivery.offer(bundle(1))
    assert (await delivery.deliver(0, 1)).progress is Progress.PROGRAMMED


async def test_a_refusal_is_reported_and_its_reason_logged(
    client: ManagementClient, stubs: Stubs, caplog: pytest.LogCaptureFixture
) -> None:
    stubs[0].refusal = "bundle: schemaVersion 2 is newer than 1"
    delivery = delivery_to(client, *stubs)
    delivery.offer(bundle(1))
    report = await delivery.deliver(0, 1)
    assert report.progress is Progress.REFUSED
    assert "the server is older than the operator" in report.message
    assert "schemaVersion 2 is newer than 1" in caplog.text
    stubs[0].refusal = None
    await delivery.poll()
    assert delivery.report(0, 1).progress is Progress.PROGRAMMED


async def test_a_higher_revision_on_a_server_is_told(client: ManagementClient, stubs: Stubs) -> None:
    stubs[0].floor = 41
    delivery = delivery_to(client, *stubs)
    delivery.offer(bundle(1))
    report = await delivery.deliver(0, 1)
    assert (report.progress, delivery.floor(0)) == (Progress.STALE, 41)
    delivery.offer(bundle(42))
    assert (await delivery.deliver(0, 42)).progress is Progress.PROGRAMMED


async def test_a_revision_that_a_server_runs_with_other_content_is_not_taken_for_ours(
    client: ManagementClient, stubs: Stubs
) -> None:
    stubs[0].holder.offer(bundle(1, token_key="cd" * 32), "file")
    delivery = delivery_to(client, *stubs)
    delivery.offer(bundle(1))
    report = await delivery.deliver(0, 1)
    assert (report.progress, delivery.floor(0)) == (Progress.STALE, 1)
    await delivery.poll()
    assert delivery.report(0, 1).progress is Progress.STALE
    delivery.offer(bundle(2))
    assert (await delivery.deliver(0, 2)).progress is Progress.PROGRAMMED


async def test_roles_that_are_still_recomputed_are_waited_for(client: ManagementClient, stubs: Stubs) -> None:
    stubs[0].settles = False
    delivery = delivery_to(client, *stubs)
    delivery.offer(bundle(1))
    assert (await delivery.deliver(0, 1)).progress is Progress.APPLYING
    stubs[0].settle()
    assert (await delivery.deliver(0, 1)).progress is Progress.PROGRAMMED
    assert stubs[0].pushes == [(0, 1)]


async def test_an_older_revision_never_takes_the_place_of_a_newer_one(client: ManagementClient, stubs: Stubs) -> None:
    delivery = delivery_to(client, *stubs)
    delivery.offer(bundle(2))
    delivery.offer(bundle(1))
    assert (await delivery.deliver(0, 1)).progress is Progress.PROGRAMMED
    assert [stub.pushes for stub in stubs] == [[(0, 2)], [(0, 2)]]


async def test_concurrent_deliveries_push_each_revision_once_and_end_with_the_newest(
    client: ManagementClient, stubs: Stubs
) -> None:
    delivery = delivery_to(client, *stubs)

    async def one(revision: int) -> Progress:
        delivery.offer(bundle(revision))
        return (await delivery.deliver(0, revision)).progress

    outcomes = await asyncio.gather(*(one(revision) for revision in range(1, 9)))
    assert set(outcomes) == {Progress.PROGRAMMED}
    for stub in stubs:
        assert stub.holder.revision_of(0) == 8
        assert len(stub.pushes) == len(set(stub.pushes))


async def test_one_that_is_not_ready_gets_everything_but_is_not_waited_for(
    client: ManagementClient, stubs: Stubs
) -> None:
    ready, starting = stubs
    delivery = Delivery(client)
    delivery.set_discovered([Replica(ready.url, "a"), Replica(starting.url, "b", ready=False)])
    delivery.offer(bundle(1))
    assert (await delivery.deliver(0, 1)).progress is Progress.PROGRAMMED
    assert starting.holder.revision_of(0) == 1
    await starting.stop()
    delivery.offer(bundle(2))
    assert (await delivery.deliver(0, 2)).progress is Progress.PROGRAMMED


async def test_a_replica_that_left_is_forgotten(client: ManagementClient, stubs: Stubs) -> None:
    delivery = Delivery(client)
    delivery.set_discovered([Replica(stub.url, str(stub.port)) for stub in stubs])
    await stubs[1].stop()
    delivery.offer(bundle(1))
    assert (await delivery.deliver(0, 1)).progress is Progress.UNAVAILABLE
    delivery.set_discovered([Replica(stubs[0].url, "a")])
    assert delivery.report(0, 1).progress is Progress.PROGRAMMED


async def test_a_new_replica_is_brought_up_without_waiting_for_the_poll(
    client: ManagementClient, stubs: Stubs
) -> None:
    delivery = Delivery(client, replicas_at([stubs[0].url]), poll_seconds=3600)
    delivery.offer(bundle(1))
    running = asyncio.create_task(delivery.run())
    try:
        delivery.set_discovered([Replica(stubs[1].url, "new")])
        await until(lambda: stubs[1].holder.revision_of(0) == 1)
    finally:
        running.cancel()


async def test_what_servers_say_of_tenants_is_kept(client: ManagementClient, stubs: Stubs) -> None:
    stubs[0].tenants = {
        "acme/okta": {
            "users": {"active": 3, "blocked": 1, "deactivated": 2},
            "groups": 4,
            "lastSyncTime": "2026-11-01T10:00:00Z",
        }
    }
    delivery = delivery_to(client, stubs[0])
    await delivery.poll()
    status = delivery.tenant_status("acme/okta")
    assert status is not None
    assert (status.active, status.blocked, status.deactivated, status.groups) == (3, 1, 2, 4)
    assert status.last_sync_time is not None
    assert delivery.tenant_status("acme/other") is None


async def test_the_last_contact_is_that_of_the_server_that_had_it(client: ManagementClient, stubs: Stubs) -> None:
    def told(contact: str, sync: str, **used: str) -> Any:
        credentials = {name: {"lastUsedTime": at} for name, at in used.items()}
        return {"acme/okta": {"lastSyncTime": sync, "lastContactTime": contact, "credentials": credentials}}

    early, late, later = (f"2026-11-01T10:00:0{second}Z" for second in range(3))
    stubs[0].tenants = told(later, early, one=later, two=early)
    stubs[1].tenants = told(late, late, one=early, two=late, three=early)
    delivery = delivery_to(client, *stubs)
    await delivery.poll()
    status = delivery.tenant_status("acme/okta")
    assert status is not None
    times = {name: datetime.fromisoformat(at) for name, at in (("early", early), ("late", late), ("later", later))}
    assert (status.last_sync_time, status.last_contact_time) == (times["late"], times["later"])
    assert status.last_used == {"one": times["later"], "two": times["late"], "three": times["early"]}


async def test_an_answer_that_is_not_the_management_apis_is_a_problem(client: ManagementClient, stubs: Stubs) -> None:
    stubs[0].broken = 500
    delivery = delivery_to(client, stubs[0])
    delivery.offer(bundle(1))
    report = await delivery.deliver(0, 1)
    assert report.progress is Progress.UNAVAILABLE
    assert "an error of the server" in report.message


@pytest.mark.parametrize(
    ("tenants", "named"),
    [
        (["acme/okta"], "tenants"),
        ({"acme/okta": 3}, "acme/okta"),
        ({"acme/okta": {"users": {"active": "many"}}}, "active"),
        ({"acme/okta": {"lastSyncTime": "yesterday"}}, "lastSyncTime"),
        ({"acme/okta": {"lastContactTime": 3}}, "lastContactTime"),
        ({"acme/okta": {"credentials": {"one": {"lastUsedTime": "now"}}}}, "lastUsedTime"),
    ],
)
async def test_a_status_that_makes_no_sense_is_a_problem_of_that_replica(
    client: ManagementClient, stubs: Stubs, tenants: Any, named: str, caplog: pytest.LogCaptureFixture
) -> None:
    stubs[0].tenants = tenants
    delivery = delivery_to(client, stubs[0])
    await delivery.poll()
    report = delivery.report(0, 1)
    assert report.progress is Progress.UNAVAILABLE
    assert "an answer that is not the management API's" in report.message
    assert f"{named} is missing or of another type" in caplog.text


async def test_one_that_comes_back_as_another_process_takes_nothing_back(
    client: ManagementClient, stubs: Stubs
) -> None:
    """Readiness that flips makes the operator forget what a replica runs, until it has answered."""
    delivery = Delivery(client)
    both = [Replica(stub.url, str(stub.port)) for stub in stubs]
    delivery.set_discovered(both)
    delivery.offer(bundle(1))
    told = await delivery.deliver(0, 1)
    assert told.progress is Progress.PROGRAMMED
    said: list[bool] = []
    delivery.on_change = lambda: said.append(told.stands(delivery.report(0, 1)))
    for _ in range(6):
        delivery.set_discovered([both[0], replace(both[1], ready=False)])
        delivery.set_discovered(both)
        await delivery.poll()
    assert said
    assert all(said)
    delivery.set_discovered([replace(each, ready=False) for each in both])
    assert not said[-1]


async def test_a_shard_is_pushed_and_waited_for_by_itself(client: ManagementClient, stubs: Stubs) -> None:
    delivery = delivery_to(client, *stubs)
    for shard in (0, 1):
        delivery.offer(bundle(1, shard=shard))
    await delivery.poll()
    delivery.offer(bundle(2, shard=1))
    assert (await delivery.deliver(1, 2)).progress is Progress.PROGRAMMED
    assert [stub.pushes for stub in stubs] == [[(0, 1), (1, 1), (1, 2)]] * 2
    stubs[0].refusal = "a test"
    delivery.offer(bundle(3, shard=1))
    assert (await delivery.deliver(1, 3)).progress is Progress.REFUSED
    assert delivery.report(0, 1).progress is Progress.PROGRAMMED
    assert delivery.current_replicas == 1


async def test_one_that_does_not_answer_is_tried_once_for_all_shards(client: ManagementClient, stubs: Stubs) -> None:
    stubs[0].broken = 500
    delivery = delivery_to(client, stubs[0])
    for shard in range(4):
        delivery.offer(bundle(1, shard=shard))
    reports = await asyncio.gather(*(delivery.deliver(shard, 1) for shard in range(4)))
    assert {report.progress for report in reports} == {Progress.UNAVAILABLE}
    assert stubs[0].requests == 1
    stubs[0].broken = None
    await delivery.poll()
    assert delivery.current_replicas == 1


async def test_a_server_that_knows_no_shards_is_called_too_old(client: ManagementClient, stubs: Stubs) -> None:
    stubs[0].former = True
    delivery = delivery_to(client, stubs[0])
    delivery.offer(bundle(1))
    await delivery.poll()
    assert "the server is older than the operator" in delivery.report(0, 1).message
