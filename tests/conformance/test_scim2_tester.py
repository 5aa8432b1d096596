"""The checks of scim2-tester, run by `scim` of scim2-cli, as anybody would run them against the server."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.server_process import ServerProcess
from tests.support.serving import Connection, bundle_of


@pytest.fixture
def scim_url(tmp_path: Path, database_url: str, connection: Connection) -> Iterator[str]:
    server = ServerProcess(tmp_path, database_url, bundle_of(connection))
    server.start()
    yield server.url + connection.path
    server.stop()


def test_every_check_passes(scim_url: str, connection: Connection) -> None:
    result = subprocess.run(
        [Path(sys.executable).with_name("scim"), "--url", scim_url, "test", "--verbose"],
        check=False,
        capture_output=True,
        text=True,
        env={
            "PATH": os.environ["PATH"],
            "SCIM_CLI_HEADERS": f"Authorization: Bearer {connection.token('provision')}",
            "NO_COLOR": "1",
        },
    )
    assert result.returncode == 0, result.stdout + result.stderr  # another check than SUCCESS makes it 1
    checks = [line for line in result.stdout.splitlines() if line.startswith("SUCCESS")]
    assert len(checks) > 130, result.stdout
