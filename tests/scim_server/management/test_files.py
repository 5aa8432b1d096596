"""Configuration from mounted files, which are swapped as the kubelet swaps them."""

import os
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from scim_server.app import Server, ServerSettings
from scim_server.config import (
    CONFIG_FILE,
    SECRETS_FILE,
    config_file,
    encode_config,
    encode_secrets,
    secrets_file,
    shard_of,
)
from tests.support.mounts import mount, mount_config, mount_pair, mount_secrets, mount_shards
from tests.support.serving import Connection, bundle_of
from tests.support.until import until


@pytest.fixture
def config_dir(tmp_path: Path) -> Path:
    directory = tmp_path / "mounted"
    directory.mkdir()
    return directory


@pytest.fixture
def settings(database_url: str, config_dir: Path) -> ServerSettings:
    return ServerSettings(database=database_url, port=0, management_port=None, config_dir=config_dir)


@pytest.fixture
async def watching(settings: ServerSettings) -> AsyncIterator[Server]:
    async with Server(settings) as server:
        yield server


async def test_files_are_read_at_start(settings: ServerSettings, config_dir: Path, connection: Connection) -> None:
    mount_pair(config_dir, bundle_of(connection, revision=3))
    async with Server(settings) as server:
        assert await server.applier.wait_applied(3, 10)
        assert server.holder.source == "file"


async def test_a_swap_is_seen(watching: Server, config_dir: Path, connection: Connection) -> None:
    mount_pair(config_dir, bundle_of(connection, revision=3))
    assert await watching.applier.wait_applied(3, 10)
    mount_pair(config_dir, bundle_of(connection, revision=4))
    assert await watching.applier.wait_applied(4, 10)


async def test_a_half_waits_for_its_other_half(watching: Server, config_dir: Path, connection: Connection) -> None:
    mount_pair(config_dir, bundle_of(connection, revision=3))
    assert await watching.applier.wait_applied(3, 10)
    mount_secrets(config_dir, bundle_of(connection, revision=4))
    assert not await watching.applier.wait_applied(4, 0.3)
    assert watching.holder.rejection is None
    mount_config(config_dir, bundle_of(connection, revision=4))
    assert await watching.applier.wait_applied(4, 10)


async def test_broken_files_leave_what_runs(watching: Server, config_dir: Path, connection: Connection) -> None:
    mount_pair(config_dir, bundle_of(connection, revision=3))
    assert await watching.applier.wait_applied(3, 10)
    mount(config_dir / "config", {CONFIG_FILE: b"not gzip"})
    await until(lambda: watching.holder.rejection is not None)
    assert watching.holder.rejection is not None
    assert (watching.holder.rejection.source, watching.holder.revision) == ("file", 3)
    mount_pair(config_dir, bundle_of(connection, revision=4))
    assert await watching.applier.wait_applied(4, 10)
    assert watching.holder.rejection is None


async def test_older_files_never_replace_a_push(watching: Server, config_dir: Path, connection: Connection) -> None:
    await watching.intake.offer(bundle_of(connection, revision=9), "push")
    mount_pair(config_dir, bundle_of(connection, revision=8))
    mount_pair(config_dir, bundle_of(connection, revision=10))
    assert await watching.applier.wait_applied(10, 10)
    assert watching.holder.source == "file"


async def test_a_restart_with_older_files_waits_for_newer_ones(
    settings: ServerSettings, config_dir: Path, connection: Connection
) -> None:
    """Else tokens that were removed since would be accepted again."""
    async with Server(settings) as server:
        await server.intake.offer(bundle_of(connection, revision=9), "push")
        assert await server.applier.wait_applied(9, 10)
    mount_pair(config_dir, bundle_of(connection, revision=8))
    async with Server(settings) as server:
        await until(lambda: server.holder.rejection is not None)
        assert server.holder.current is None
        mount_pair(config_dir, bundle_of(connection, revision=9))
        assert await server.applier.wait_applied(9, 10)


async def test_plain_files_work_too(watching: Server, config_dir: Path, connection: Connection) -> None:
    bundle = bundle_of(connection, revision=3)
    for folder, name, content in (
        ("config", CONFIG_FILE, encode_config(bundle.config)),
        ("secrets", SECRETS_FILE, encode_secrets(bundle.secrets)),
    ):
        (config_dir / folder).mkdir()
        temporary = config_dir / folder / "new"
        temporary.write_bytes(content)
        os.replace(temporary, config_dir / folder / name)
    assert await watching.applier.wait_applied(3, 10)


async def test_shards_are_read_and_take_the_place_of_the_former_files(
    settings: ServerSettings, config_dir: Path, connection: Connection
) -> None:
    """As a server goes through the operator's upgrade: the files of before, some shards, all shards."""
    shard = shard_of(connection.key)
    former = bundle_of(connection, revision=3)
    mount_shards(config_dir, former)
    async with Server(settings) as server:
        assert await server.applier.wait_applied(3, 10)
        newer = bundle_of(replace(connection, base_roles=()), revision=4).parts()
        mount_shards(config_dir, former, newer[shard])
        assert await server.applier.wait_applied(4, 10, shard)
    async with Server(settings) as server:  # the former files have no say any more in what has a shard
        await until(lambda: server.holder.current is not None)
        assert (server.holder.revision_of(shard), server.holder.revision_of(None)) == (4, 3)
        mount_shards(config_dir, former, *newer.values())
        assert await server.applier.wait_applied(4, 10)
        assert server.holder.current is not None
        assert server.holder.current.config.tenants[0].base_roles == ()


async def test_a_file_of_another_shard_is_refused(watching: Server, config_dir: Path, connection: Connection) -> None:
    part = bundle_of(connection, revision=3).parts()[1]
    for folder, name, content in (
        ("config", config_file(2), encode_config(part.config)),
        ("secrets", secrets_file(2), encode_secrets(part.secrets)),
    ):
        mount(config_dir / folder, {name: content})
    await until(lambda: watching.holder.rejection is not None)
    assert watching.holder.rejection is not None
    assert watching.holder.rejection.reason == "server-config-02.json.gz: holds shard 1"
