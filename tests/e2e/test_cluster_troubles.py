"""What the operator's log says while it lacks permissions, and while the API server is away."""

import itertools
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scim_server.config import shard_of
from tests.control_plane.cluster import ControlPlane
from tests.e2e.installation import Installation
from tests.e2e.manifests import provisioning_config
from tests.e2e.processes import Program
from tests.support.processes import wait_until


@contextmanager
def operator(kubeconfig: Path, namespace: str, directory: Path) -> Iterator[Path]:
    """One with a configuration of its own and without servers; its log."""
    token_file = directory / "token"
    token_file.write_text("management-token-of-the-tests")
    program = Program(
        [
            "scim-operator",
            "run",
            f"--kubeconfig={kubeconfig}",
            f"--namespace={namespace}",
            f"--config-namespace={namespace}",
            "--replica=http://127.0.0.1:1",
            f"--management-token-file={token_file}",
        ],
        directory / "operator.log",
    )
    program.start()
    try:
        yield program.log
    finally:
        program.kill()


def messages(log: Path) -> list[str]:
    return [json.loads(line)["message"] for line in log.read_text().splitlines()]


def wait_for_message(log: Path, text: str) -> None:
    wait_until(lambda: text in log.read_text(), seconds=120, what=text, log=log)


def test_missing_permissions_are_named(
    installation: Installation, control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    with operator(control_plane.kubeconfig, namespace, tmp_path) as log:
        wait_for_message(log, "of shard 15 is stored")
    log.unlink()
    began = time.monotonic()
    with operator(control_plane.user_kubeconfig(f"newcomer-{namespace}"), namespace, tmp_path) as log:
        where = f"in namespace {namespace}: apply charts/scim-operator/rbac"
        wait_for_message(log, f"may not get configmaps {where}")
        # Of what an operator needs, all but the custom resources.
        role = ("role", "own", "--verb=*", "--resource=configmaps,secrets")
        for created in (role, ("rolebinding", "own", "--role=own", f"--user=newcomer-{namespace}")):
            control_plane.kubectl("create", *created, "-n", namespace)
        for plural in ("provisioningconfigs", "rolemappings", "attributemappings"):
            wait_for_message(log, f"may not list {plural} {where}")
        minutes = (time.monotonic() - began) / 60
        said = [message for message in messages(log) if "may not" in message]
    assert len(said) <= len(set(said)) * (minutes + 1), "each at most once a minute"
    assert all(len(message) < 250 for message in said)
    assert "APIForbiddenError" not in log.read_text()


def test_an_api_server_that_is_away_is_said_in_few_words(
    installation: Installation, control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    with operator(control_plane.kubeconfig, namespace, tmp_path) as log:
        wait_for_message(log, "of shard 15 is stored (0 tenants)")
        control_plane.apply(provisioning_config(namespace, "okta"))
        shard = shard_of(f"{namespace}/okta")
        wait_for_message(log, f"of shard {shard} is stored (1 tenants)")
        began = time.monotonic()
        control_plane.kill_api_server()
        wait_for_message(log, "the Kubernetes API doesn't answer at https://127.0.0.1:")
        control_plane.start_api_server()
        names = (f"next-{number}" for number in itertools.count())
        neighbour = next(name for name in names if shard_of(f"{namespace}/{name}") == shard)
        control_plane.apply(provisioning_config(namespace, neighbour))
        wait_for_message(log, f"of shard {shard} is stored (2 tenants)")
        minutes = (time.monotonic() - began) / 60
        said = [message for message in messages(log) if "doesn't answer at" in message]
    ways = {message.partition("127.0.0.1:")[2] for message in said}
    assert len(said) <= len(ways) * (minutes + 1), "for each way in which it doesn't answer once a minute"
    assert len(ways) <= 4
    assert not [
        word for word in ("ClientConnectorError", "ConnectionKey", "Request attempt") if word in log.read_text()
    ]
