"""`scim-operator run` with servers elsewhere, in some namespaces only, and with wrong options."""

import asyncio
import socket
import subprocess
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest

from scim_server.config import shard_of
from tests.control_plane.cluster import ControlPlane
from tests.e2e.installation import Installation
from tests.e2e.manifests import provisioning_config, token_secret
from tests.e2e.processes import Program
from tests.scim_operator.delivery.management_stub import TOKEN, ManagementStub
from tests.support.processes import free_port
from tests.support.until import until
from tests.support.warm_programs import run_program


def _run(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`scim-operator run` outside a cluster, to its end."""
    environment = {"COLUMNS": "300", "HOME": str(home), "KUBECONFIG": ""}
    return run_program("scim-operator", "run", *arguments, environment=environment)


@pytest.fixture
async def stub() -> AsyncIterator[ManagementStub]:
    async with ManagementStub() as stub:
        yield stub


async def test_fixed_replicas_and_some_namespaces(
    installation: Installation,
    control_plane: ControlPlane,
    new_namespace: Callable[[], str],
    stub: ManagementStub,
    tmp_path: Path,
) -> None:
    served, not_served = new_namespace(), new_namespace()
    token_file = tmp_path / "token"
    await asyncio.to_thread(token_file.write_text, TOKEN)
    liveness, metrics = free_port(), free_port()
    operator = Program(
        [
            "scim-operator",
            "run",
            f"--kubeconfig={control_plane.kubeconfig}",
            f"--namespace={served}",
            f"--config-namespace={served}",
            "--config-name=the-config",
            "--secret-name=the-secrets",
            f"--replica={stub.url}",
            f"--management-token-file={token_file}",
            "--no-watch-secrets",
            f"--liveness-port={liveness}",
            f"--metrics-port={metrics}",
        ],
        tmp_path / "operator.log",
    )
    operator.start()
    try:
        # Without any config there are shards: a server is ready only when it has all of them.
        await until(lambda: stub.holder.revision == 1, 30)
        for namespace in (served, not_served):
            config = provisioning_config(namespace)
            secrets = [token_secret(namespace, f"okta-{name}", "t" * 32, watched=False) for name in ("scim", "read")]
            await asyncio.to_thread(control_plane.apply, *secrets, config)
        shard = shard_of(f"{served}/okta")
        await until(lambda: stub.holder.revision_of(shard) > 1, 30)
        assert stub.holder.current is not None
        assert [tenant.namespace for tenant in stub.holder.current.config.tenants] == [served]
        async with httpx.AsyncClient() as client:
            assert (await client.get(f"http://127.0.0.1:{liveness}/healthz")).status_code == 200
            text = (await client.get(f"http://127.0.0.1:{metrics}/metrics")).text
        assert 'scim_operator_replicas{state="current"} 1.0' in text
        assert f'scim_operator_config_revision{{shard="{shard}"}} {float(stub.holder.revision_of(shard))}' in text
        assert "t" * 32 not in await asyncio.to_thread(operator.log.read_text)
    finally:
        await asyncio.to_thread(operator.kill)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ([], "--management-token-file"),
        (["--management-token-file=/no/such/file"], "does not exist"),
        (["--management-token-file={token}"], "--server-service"),
        (["--management-token-file={token}", "--replica=10.0.0.1:8081"], "https://10.0.0.7:8081"),
        (
            ["--management-token-file={token}", "--replica=http://10.0.0.1:8081"],
            "--replica: replica 'http://10.0.0.1",
        ),
        (["--management-token-file={token}", "--server-service=a/b"], "--server-ca-file: "),
        (["--management-token-file={token}", "--server-service=a/b", "--server-ca-file={token}"], "in PEM"),
        (["--management-token-file={token}", "--server-service=scim-server"], "namespace/name"),
        (
            ["--management-token-file={token}", "--replica=https://a:1", "--all-namespaces", "--namespace=x"],
            "--all-namespaces or --namespace",
        ),
        (["--management-token-file={token}", "--replica=https://a:1"], "--config-namespace"),
    ],
)
def test_wrong_options_are_named(arguments: list[str], named: str, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text(TOKEN)
    result = _run(tmp_path, *(argument.format(token=token) for argument in arguments))
    assert result.returncode == 2
    assert named in result.stderr
    assert "Traceback" not in result.stderr


def test_a_metrics_port_in_use_is_named(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text(TOKEN)
    with socket.create_server(("", 0)) as taken:
        port = taken.getsockname()[1]
        result = _run(
            tmp_path,
            f"--management-token-file={token}",
            "--replica=http://127.0.0.1:1",
            "--config-namespace=x",
            f"--metrics-port={port}",
        )
    assert result.returncode == 2
    assert f"{port}: Address already in use" in result.stderr
    assert "Traceback" not in result.stderr


def test_no_way_to_log_in_is_one_line(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text(TOKEN)
    result = _run(
        tmp_path, f"--management-token-file={token}", "--replica=http://127.0.0.1:1", "--config-namespace=x"
    )
    assert result.returncode == 2
    assert result.stderr.startswith("scim-operator: no way to log in to a cluster")
    assert len(result.stderr.splitlines()) == 1
