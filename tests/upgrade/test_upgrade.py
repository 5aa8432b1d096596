"""The server of today on a database that an earlier one filled answers as that one did."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from scim_server.app import Server
from scim_server.background.due import DueWork
from tests.support.postgres import PostgresServer
from tests.support.serving import PATCH_OP, client_of, effective_of, roles_of
from tests.support.storages import SetClock
from tests.upgrade.answers import ask_all
from tests.upgrade.database import Database, PostgresDatabase, SqliteDatabase
from tests.upgrade.filling import ASSERTION, serving
from tests.upgrade.stored import NAMES, Filled, read_filled
from tests.upgrade.tenants import ENTRA, LAST_REVISION, OKTA, bundle

pytestmark = pytest.mark.parametrize("name", NAMES)


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    if request.param == "sqlite":
        return SqliteDatabase(tmp_path / "scim.db")
    postgres: PostgresServer = request.getfixturevalue("postgres_server")
    dsn: str = request.getfixturevalue("postgres_dsn")
    return PostgresDatabase(postgres, dsn.partition("?")[0].rpartition("/")[2])


@pytest.fixture
def filled(name: str, empty: Database) -> Filled:
    return read_filled(name, empty.kind)


@pytest.fixture
async def server(empty: Database, filled: Filled) -> AsyncIterator[Server]:
    empty.load(filled.dump)
    clock = SetClock(filled.at)  # as then: else those who were blocked would be deactivated by now
    async with serving(empty, LAST_REVISION, clock) as server:
        await DueWork(server.storage, clock).do()  # states of those who were blocked before there were states
        for tenant in await server.storage.tenants_without_reasons():  # as the server itself does before long
            while await server.storage.write(tenant, lambda writer: writer.find_reasons()):
                pass
        yield server


async def test_every_answer_is_as_before(server: Server, filled: Filled) -> None:
    answers = await ask_all(server, filled.at)
    assert [answer["path"] for answer in answers] == [answer["path"] for answer in filled.answers]
    for answer, before in zip(answers, filled.answers, strict=True):
        known = _known_then(answer, before) if answer["path"] == "/v1/status" else answer
        assert _without_descriptions(known) == _without_descriptions(before)


def _known_then(answer: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    """A status without the fields of tenants that the earlier server didn't have."""
    tenants = {
        tenant: {name: value for name, value in status.items() if name in before["tenants"].get(tenant, status)}
        for tenant, status in answer["tenants"].items()
    }
    return answer | {"tenants": tenants}


def _without_descriptions(value: Any) -> Any:
    """What schemas tell people about their attributes may change."""
    if isinstance(value, list):
        return [_without_descriptions(item) for item in value]
    if isinstance(value, dict):
        return {name: _without_descriptions(item) for name, item in value.items() if name != "description"}
    return value


async def test_what_is_written_afterwards_is_right(server: Server) -> None:
    """Also for a user whom the earlier server had deactivated: roles come with the return, and go with the group."""
    name = "last-month@acme.okta.example"
    async with client_of(server.url, OKTA) as client, client_of(server.url, OKTA, "read") as reader:
        (user,) = (await client.get("/Users", params={"filter": f'userName eq "{name}"'})).json()["Resources"]
        (admins,) = (await client.get("/Groups", params={"filter": 'externalId eq "00g-admins"'})).json()["Resources"]
        assert await roles_of(reader, name) == []
        for path, operation in (
            (f"/Users/{user['id']}", {"op": "replace", "path": "active", "value": True}),
            (f"/Groups/{admins['id']}", {"op": "add", "path": "members", "value": [{"value": user["id"]}]}),
        ):
            answer = await client.patch(path, json={"schemas": [PATCH_OP], "Operations": [operation]})
            assert answer.is_success, answer.text
        assert await roles_of(reader, name) == ["admin", "viewer"]
        assert (await effective_of(reader, name))["state"] == "active"
        assert (await client.delete(f"/Groups/{admins['id']}")).status_code == 204
        assert await roles_of(reader, name) == ["guest", "viewer"]


async def test_what_was_used_once_stays_used(server: Server) -> None:
    assert not await server.storage.use_assertion(ENTRA.key, ASSERTION, datetime.now(UTC) + timedelta(days=1))


async def test_an_older_configuration_stays_refused(server: Server) -> None:
    assert await server.intake.floor() == bundle(LAST_REVISION).revision
