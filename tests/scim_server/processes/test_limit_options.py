"""Limits given to the command `scim-server`, by the environment as a Deployment does."""

import resource
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.server_process import ServerProcess
from tests.support.serving import Connection, bundle_of


@pytest.fixture
def few_open_files() -> Iterator[None]:
    """The soft limit of this process, which those that it starts inherit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (512, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("few_open_files")
def test_options_take_effect_and_files_suffice_for_the_connections(
    tmp_path: Path, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCIM_TENANT_RATE", "0.001")
    monkeypatch.setenv("SCIM_TENANT_BURST", "5")
    monkeypatch.setenv("SCIM_CREDENTIAL_BURST", "2")
    monkeypatch.setenv("SCIM_FAILED_AUTHENTICATIONS", "1")
    monkeypatch.setenv("SCIM_MAX_CONNECTIONS", "700")
    server = ServerProcess(tmp_path, f"sqlite:///{tmp_path}/scim.db", bundle_of(connection))
    server.start()
    try:
        limits = Path(f"/proc/{server.pid}/limits").read_text()
        (open_files,) = [line.split()[3] for line in limits.splitlines() if line.startswith("Max open files")]
        assert int(open_files) >= 700
        with httpx.Client(base_url=server.url + connection.path, trust_env=False) as client:
            for credential in ("provision", "read"):
                bearer = {"Authorization": f"Bearer {connection.token(credential)}"}
                assert [client.get("/Users", headers=bearer).status_code for _ in range(3)] == [200, 200, 429]
            assert [client.get("/Users").status_code for _ in range(2)] == [401, 429]
    finally:
        server.stop()
