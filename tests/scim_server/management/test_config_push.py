"""`PUT /v1/config`: what replaces what, and what is answered."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from scim_server.app import Server, ServerSettings
from scim_server.config import ConfigBundle, shard_of
from tests.scim_server.http.running import connected
from tests.support.serving import MANAGEMENT_HEADERS, MANAGEMENT_TOKEN, TOKEN_KEY, Connection, bundle_of, client_of


async def push(management: httpx.AsyncClient, bundle: ConfigBundle) -> httpx.Response:
    return await management.put("/v1/config", content=bundle.encode())


async def test_a_push_is_answered_when_it_runs_and_roles_follow(
    bare_server: Server, management: httpx.AsyncClient, connection: Connection
) -> None:
    answer = await push(management, bundle_of(connection, revision=7))
    assert answer.status_code == 200
    assert answer.json() == {"revision": 7, "outcome": "Accepted", "applied": True, "appliedRevision": 7}
    async with client_of(bare_server.url, connection) as provider:
        assert (await provider.get("/Users")).status_code == 200
    again = await push(management, bundle_of(connection, revision=7))
    assert again.json() == {"revision": 7, "outcome": "Unchanged", "applied": True, "appliedRevision": 7}
    running = (await management.get("/v1/config")).json()
    assert running["revision"] == 7
    assert TOKEN_KEY.hex() not in str(running)


async def test_a_lower_revision_never_replaces_a_higher_one(
    management: httpx.AsyncClient, connection: Connection
) -> None:
    await push(management, bundle_of(connection, revision=7))
    answer = await push(management, bundle_of(revision=6))
    assert answer.status_code == 409
    assert (answer.json()["revision"], answer.json()["floor"]) == (7, 7)
    assert "older than 7" in answer.json()["reason"]
    other_of_same = await push(management, bundle_of(replace(connection, base_roles=()), revision=7))
    assert other_of_same.status_code == 409
    assert (await management.get("/v1/config")).json()["tenants"][0]["baseRoles"] == ["viewer"]


async def test_the_floor_survives_a_restart_and_holds_for_other_replicas(
    bare_server: Server, management: httpx.AsyncClient, connection: Connection
) -> None:
    await push(management, bundle_of(connection, revision=7))
    if bare_server.settings.database.startswith("sqlite"):
        await bare_server.stop()
    async with (
        Server(replace_ports(bare_server.settings)) as second,
        client_of(second.management_url, headers=MANAGEMENT_HEADERS) as manage_second,
    ):
        assert (await manage_second.get("/v1/status")).json()["floor"] == 7
        answer = await push(manage_second, bundle_of(connection, revision=6))
        assert (answer.status_code, answer.json()["revision"], answer.json()["floor"]) == (409, 0, 7)
        assert (await push(manage_second, bundle_of(connection, revision=7))).json()["outcome"] == "Accepted"


def replace_ports(settings: ServerSettings) -> ServerSettings:
    return replace(settings, port=0, management_port=0)


def with_field(bundle: ConfigBundle, path: list[str | int], value: Any) -> bytes:
    document = orjson.loads(bundle.encode())
    place = document
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        (["config", "tenants", 0, "newField"], 1, "newField"),
        (["config", "schemaVersion"], 99, "schemaVersion 99"),
        (["config", "revision"], True, "config.revision"),
        (["config", "revision"], "2", "config.revision"),
        (["config", "revision"], 2.0, "config.revision"),
        (["config", "revision"], 2**63, "config.revision"),
        (["config", "revision"], 2**64, "config.revision"),
        (["config", "tenants", 0, "deprovisioning", "deactivationDelaySeconds"], 2**62, "deactivationDelaySeconds"),
        (["config", "tenants", 0, "baseRoles"], ["nobody"], "baseRoles"),
        (["secrets", "revision"], 3, "revision"),
        (["secrets", "digests"], {}, "digest"),
    ],
)
async def test_a_bad_document_never_replaces_a_good_one(
    management: httpx.AsyncClient, connection: Connection, path: list[str | int], value: Any, named: str
) -> None:
    await push(management, bundle_of(connection, revision=1))
    bad = with_field(bundle_of(connection, revision=2), path, value)
    answer = await management.put("/v1/config", content=bad)
    assert answer.status_code == 422
    assert named in answer.json()["reason"]
    status = (await management.get("/v1/status")).json()
    assert status["revision"] == 1
    assert status["rejection"] == {"source": "push", "reason": answer.json()["reason"]}
    assert (await push(management, bundle_of(connection, revision=2))).status_code == 200
    assert (await management.get("/v1/status")).json()["rejection"] is None


async def test_a_push_without_a_length_is_read(management: httpx.AsyncClient, connection: Connection) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        body = bundle_of(connection, revision=7).encode()
        yield body[:100]
        yield body[100:]

    assert (await management.put("/v1/config", content=chunks())).json()["revision"] == 7


@pytest.mark.parametrize("declared", [True, False])
async def test_a_body_that_is_too_large_is_refused_before_its_end(bare_server: Server, declared: bool) -> None:
    length = f"Content-Length: {1 << 40}" if declared else "Transfer-Encoding: chunked"
    head = f"PUT /v1/config HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {MANAGEMENT_TOKEN}\r\n{length}\r\n\r\n"
    async with connected(bare_server, management=True) as operator:
        await operator.send(head)
        if not declared:
            mebibyte = "100000\r\n" + " " * (1 << 20) + "\r\n"
            for _ in range(65):
                await operator.send(mebibyte)
        status, body = await operator.answer()
    assert (status, set(body)) == (413, {"reason"})
    assert bare_server.holder.rejection is None


async def test_a_body_that_is_no_document(management: httpx.AsyncClient) -> None:
    assert (await management.put("/v1/config", content=b"nonsense")).status_code == 422
    assert (await management.put("/v1/config", content=b"[]")).status_code == 422


@pytest.mark.parametrize("header", ["Bearer wrong", f"Basic {MANAGEMENT_TOKEN}", MANAGEMENT_TOKEN, "", None])
async def test_the_management_token_is_needed(bare_server: Server, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}
    async with client_of(bare_server.management_url, headers=headers) as stranger:
        for path in ("/v1/config", "/v1/config/", "/v1/status", "/v1", "/", "/nothing", "//v1/config", "/livez/"):
            for method in ("GET", "PUT", "POST", "DELETE"):
                answer = await stranger.request(method, path)
                assert answer.status_code == 401, (method, path)
                assert answer.headers["www-authenticate"] == "Bearer"


async def test_a_repeated_header_is_no_token(bare_server: Server) -> None:
    header = f"Authorization: Bearer {MANAGEMENT_TOKEN}\r\n"
    async with connected(bare_server, management=True) as stranger:
        await stranger.send(f"GET /v1/status HTTP/1.1\r\nHost: x\r\n{header}{header}\r\n")
        assert (await stranger.answer())[0] == 401


async def test_no_path_redirects(management: httpx.AsyncClient) -> None:
    for path in ("/v1/config/", "/livez/", "/v1"):
        assert (await management.get(path)).status_code == 404
    assert (await management.delete("/v1/config")).status_code == 405


async def test_the_management_token_is_read_again(management: httpx.AsyncClient, management_token_file: Path) -> None:
    write = management_token_file.write_text
    assert (await management.get("/v1/status")).status_code == 200
    write("another-management-token")
    assert (await management.get("/v1/status")).status_code == 401
    write("")
    assert (await management.get("/v1/status", headers={"Authorization": "Bearer"})).status_code == 401
    write(MANAGEMENT_TOKEN)
    assert (await management.get("/v1/status")).status_code == 200


async def test_scim_tokens_open_nothing_here(bare_server: Server, connection: Connection) -> None:
    await bare_server.intake.offer(bundle_of(connection), "test")
    token = f"Bearer {connection.token('provision')}"
    async with client_of(bare_server.management_url, headers={"Authorization": token}) as provider:
        assert (await provider.get("/v1/status")).status_code == 401


async def test_a_shard_replaces_itself_alone(
    bare_server: Server, management: httpx.AsyncClient, connection: Connection
) -> None:
    await push(management, bundle_of(connection, revision=7))
    shard = shard_of(connection.key)
    answer = await push(management, bundle_of(revision=8).parts()[(shard + 1) % 16])
    assert answer.json() == {"revision": 8, "outcome": "Accepted", "applied": True, "appliedRevision": 8}
    assert (await push(management, bundle_of(revision=7).parts()[(shard + 1) % 16])).status_code == 409
    async with client_of(bare_server.url, connection) as provider:
        assert (await provider.get("/Users")).status_code == 200
    await push(management, bundle_of(revision=8).parts()[shard])
    async with client_of(bare_server.url, connection) as provider:
        assert (await provider.get("/Users")).status_code == 401


async def test_the_floor_is_that_of_the_tenants_shard(
    bare_server: Server, management: httpx.AsyncClient, connection: Connection
) -> None:
    """Another shard's higher revision is no reason to refuse this one's, over a restart too."""
    shard, whole = shard_of(connection.key), bundle_of(connection, revision=7)
    await push(management, whole)
    if bare_server.settings.database.startswith("sqlite"):
        await bare_server.stop()
    async with (
        Server(replace_ports(bare_server.settings)) as second,
        client_of(second.management_url, headers=MANAGEMENT_HEADERS) as manage_second,
    ):
        older = bundle_of(connection, revision=6).parts()
        assert (await push(manage_second, older[shard])).status_code == 409
        for other, part in older.items():
            if other != shard:
                assert (await push(manage_second, part)).json()["outcome"] == "Accepted"
        assert "only 15 of 16 shards" in (await manage_second.get("/readyz")).json()["reason"]
        assert (await push(manage_second, whole.parts()[shard])).json()["applied"]
        assert (await manage_second.get("/readyz")).status_code == 200
