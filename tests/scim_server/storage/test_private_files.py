"""Who may read the files of a SQLite database."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scim_server.storage.steps import Steps
from tests.support.storages import open_storage


@pytest.fixture(autouse=True)
def open_umask() -> Iterator[None]:
    before = os.umask(0o000)
    yield
    os.umask(before)


def rights(directory: Path) -> dict[str, int]:
    return {file.name: stat.S_IMODE(file.stat().st_mode) for file in directory.iterdir()}


PRIVATE = {"scim.db": 0o600, "scim.db-wal": 0o600, "scim.db-shm": 0o600}


async def test_files_are_their_owners_alone_whatever_the_umask(tmp_path: Path) -> None:
    storage = open_storage(f"sqlite:///{tmp_path}/scim.db")
    await storage.open()
    await Steps(storage, "acme/okta").add_user("ada")
    assert rights(tmp_path) == PRIVATE
    await storage.close()


async def test_files_of_an_earlier_version_become_private(tmp_path: Path) -> None:
    storage = open_storage(f"sqlite:///{tmp_path}/scim.db")
    await storage.open()
    await Steps(storage, "acme/okta").add_user("ada")
    copied = tmp_path / "copied"
    copied.mkdir()
    for name in PRIVATE:  # as after a crash, which leaves the files beside it
        (copied / name).write_bytes((tmp_path / name).read_bytes())
        (copied / name).chmod(0o644)
    await storage.close()
    storage = open_storage(f"sqlite:///{copied}/scim.db")
    await storage.open()
    assert rights(copied) == PRIVATE
    await storage.close()
