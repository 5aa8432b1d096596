"""provisioning.md, "The life of a user", "`DELETE`": what is left of a deleted user, and for how long."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from scim_server.background.due import DueWork
from scim_server.config import Deprovisioning, OnDelete
from scim_server.provisioning.cause import Cause, CauseKind, RequestCause
from scim_server.provisioning.policy import Policy
from scim_server.storage.protocol import Storage, Writer
from scim_server.storage.tables import erasure
from scim_server.storage.urls import sqlite_path
from tests.scim_server.storage.raw_sql import columns_of_tables, fetch
from tests.scim_server.storage.steps import Steps, named, rules
from tests.support.policies import policy_of
from tests.support.storages import SetClock, open_storage

HOUR, WEEK = timedelta(hours=1), timedelta(weeks=1)
NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
PERSONAL = ("ann.qvist", "ext-7719", "Annabella", "Quistgaard", "ann@private.example", "Chief of Secrets")
ANN: dict[str, Any] = {
    "userName": "Ann.Qvist",
    "externalId": "ext-7719",
    "name": {"givenName": "Annabella", "familyName": "Quistgaard"},
    "emails": [{"value": "ann@private.example"}],
    "active": True,
}


@pytest.fixture
def clock() -> SetClock:
    return SetClock(NOON)


@pytest.fixture
async def steps(url: str, clock: SetClock) -> AsyncIterator[Steps]:
    storage = open_storage(url, clock)
    await storage.open()
    yield Steps(storage, "acme/okta")
    await storage.close()


def _policy(on_delete: OnDelete) -> Policy:
    granting = rules((named("Admins"), ["admin"]), base=["viewer"]).rules
    deprovisioning = Deprovisioning(deactivation_delay_seconds=3600, on_delete=on_delete, retention_seconds=7 * 86400)
    return policy_of(granting, ["viewer"], deprovisioning=deprovisioning)


def _request(method: str) -> Cause:
    return Cause(CauseKind.REQUEST, RequestCause("r1", "okta", "Okta", method, "User", None, 200, 0.0))


async def _live(steps: Steps) -> str:
    """A user with a role, who is renamed and deleted by requests."""

    async def create(writer: Writer) -> str:
        return (await writer.insert_user(ANN, True)).id

    async def rename(writer: Writer) -> None:
        record = await writer.lock_user(ann)
        assert record is not None
        await writer.update_user(record, ANN | {"title": "Chief of Secrets"}, True)

    async def delete(writer: Writer) -> None:
        user = await writer.lock_user_with_groups(ann)
        assert user is not None
        await writer.delete_user(user)

    ann = await steps.storage.write(steps.tenant, create, _request("POST"))
    await steps.storage.write(steps.tenant, rename, _request("PATCH"))
    await steps.add_group("Admins", [ann])
    await steps.storage.write(steps.tenant, delete, _request("DELETE"))
    return ann


async def _round(storage: Storage, clock: SetClock) -> datetime | None:
    return await DueWork(storage, clock).do()


async def _events(steps: Steps) -> list[dict[str, Any]]:
    stored = await steps.storage.read(steps.tenant, lambda reader: reader.events_after(0, 1000))
    return [orjson.loads(one.payload) for one in stored if one.user_id is not None]


async def _personal(url: str) -> set[str]:
    """What the database's files, or all its tables, tell."""
    if url.startswith("sqlite"):
        path = sqlite_path(url)
        files = [path, path.with_name(path.name + "-wal")]
        text = b"".join(file.read_bytes() for file in files if file.exists()).decode("latin-1")
    else:
        tables = await columns_of_tables(url)
        text = "\n".join([str(await fetch(url, f"SELECT t::text FROM {table} t")) for table in tables])
    return {word for word in PERSONAL if word.lower() in text.lower()}


@pytest.mark.parametrize("on_delete", OnDelete)
async def test_nothing_personal_is_left_of_a_deleted_user(
    steps: Steps, url: str, clock: SetClock, on_delete: OnDelete
) -> None:
    """provisioning.md, `onDelete: Deactivate | Erase`: what DELETE leaves behind, after the same delay."""
    await steps.put_rules(_policy(on_delete), 1)
    ann = await _live(steps)
    assert await steps.user(ann) is None
    assert await _personal(url) >= {"ann.qvist", "ext-7719"}
    clock.now += HOUR - timedelta(microseconds=1)
    await _round(steps.storage, clock)
    assert [event["type"] for event in await _events(steps)][-1] == "user.deleted"

    clock.now = NOON + HOUR
    await _round(steps.storage, clock)
    if on_delete is OnDelete.DEACTIVATE:
        assert "ann.qvist" in await _personal(url)
        clock.now = NOON + WEEK
        await _round(steps.storage, clock)
    assert await _personal(url) == set()
    events = await _events(steps)
    assert [event["type"] for event in events] == [
        "user.created", "user.updated", "user.roles_changed", "user.deleted", "user.deactivated",
    ]  # fmt: skip
    assert {event["user"]["id"] for event in events} == {ann}
    assert [event["user"]["state"] for event in events[-2:]] == ["blocked", "deactivated"]
    assert [role["value"] for role in events[-2]["removed"]] == ["admin", "viewer"]  # who reads late misses no loss
    assert await steps.storage.next_due() is None


async def test_a_user_who_comes_back_is_told_with_the_id_before(steps: Steps, clock: SetClock) -> None:
    """provisioning.md, "`DELETE`": a later POST is a new user, who says `previousId` while that is known."""
    await steps.put_rules(_policy(OnDelete.DEACTIVATE), 1)
    ann = await _live(steps)
    for known in (True, False):

        async def create(writer: Writer) -> str:
            return (await writer.insert_user(ANN, True)).id

        again = await steps.storage.write(steps.tenant, create)
        created = [event for event in await _events(steps) if event["type"] == "user.created"][-1]
        assert again != ann
        assert created.get("previousId") == (ann if known else None)
        ann = again
        await steps.delete_user(again)
        clock.now += WEEK + HOUR
        await _round(steps.storage, clock)


async def test_erasure_knows_every_table_with_users(steps: Steps, url: str) -> None:
    of_users = {"user_id", "resource_id", "subject"}
    tables = {table for table, columns in (await columns_of_tables(url)).items() if of_users & columns}
    known = {*erasure.USER_TABLES, *erasure.REDACTED, *erasure.NOT_PERSONAL}
    assert tables - known == set()
