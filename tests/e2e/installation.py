"""A whole installation: CRDs, the chart's RBAC, the operator under its ServiceAccount, two servers on PostgreSQL."""

import os
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from scim_operator.reconcile import ShardNames
from tests.control_plane.cluster import ControlPlane
from tests.e2e.cluster_api import ClusterReader, condition
from tests.e2e.manifests import Object, new_token, provisioning_config, token_secret
from tests.e2e.processes import Program, ScimServer
from tests.e2e.projector import Projector
from tests.e2e.provider import ScimClient
from tests.support.processes import free_port

ROOT = Path(__file__).parents[2]
CRDS = ROOT / "crds"
RBAC = ROOT / "charts" / "scim-operator" / "rbac"

NAMESPACE = "scim-system"
SERVICE = "scim-server"
NAMES = ShardNames(NAMESPACE)

PROJECTION_SECONDS = 2.0
"""Slower than what the tests measure, so that only a push can be as fast, and much faster than a kubelet."""

_WAIT_SECONDS = 60.0


class Installation:
    """Made once for all tests here: each test has its own namespaces, and leaves every process running."""

    def __init__(
        self, control_plane: ControlPlane, directory: Path, database: str, addresses: tuple[str, ...]
    ) -> None:
        self.cluster = control_plane
        self.reader = ClusterReader(control_plane.kubeconfig)
        token_file = directory / "management-token"
        token_file.write_text(secrets.token_urlsafe(32))
        port, management_port = free_port(addresses[0]), free_port(addresses[0])
        self.servers = [
            ScimServer(
                address,
                port,
                management_port,
                directory=directory / f"server-{index}",
                database=database,
                token_file=token_file,
            )
            for index, address in enumerate(addresses[:2])
        ]
        self.projectors = [
            Projector(
                self.reader,
                server.config_dir,
                names=NAMES,
                period=PROJECTION_SECONDS,
            )
            for server in self.servers
        ]
        self._ports = {"http": port, "management": management_port}
        self._install_api()
        self.operator_kubeconfig = control_plane.service_account_kubeconfig(NAMESPACE, "scim-operator")
        self.operator = Program(
            [
                "scim-operator",
                "run",
                "--all-namespaces",
                f"--kubeconfig={self.operator_kubeconfig}",
                f"--config-namespace={NAMESPACE}",
                f"--server-service={NAMESPACE}/{SERVICE}",
                f"--management-token-file={token_file}",
                "--public-url=https://scim.example.com",
                "--poll-seconds=1",
                "--log-format=text",
            ],
            directory / "operator.log",
        )

    def start(self) -> None:
        for server, projector in zip(self.servers, self.projectors, strict=True):
            server.start()
            projector.start()
        for server in self.servers:
            server.wait_listening()
        self.announce_servers()
        self.operator.start()

    def stop(self) -> None:
        for projector in self.projectors:
            projector.close()
        for program in (self.operator, *self.servers):
            program.kill()
        self.reader.close()

    def logs(self) -> dict[str, str]:
        return {program.log.name + f" of {program.log.parent.name}": program.tail() for program in self._programs}

    @property
    def _programs(self) -> list[Program]:
        return [self.operator, *self.servers]

    def announce_servers(self) -> None:
        """The Service and its EndpointSlice, as the endpoint-slice controller would write it."""
        self.cluster.apply(
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": {"namespace": NAMESPACE, "name": SERVICE},
                "spec": {"ports": [{"name": name, "port": port} for name, port in self._ports.items()]},
            },
            {
                "apiVersion": "discovery.k8s.io/v1",
                "kind": "EndpointSlice",
                "metadata": {
                    "namespace": NAMESPACE,
                    "name": f"{SERVICE}-1",
                    "labels": {"kubernetes.io/service-name": SERVICE},
                },
                "addressType": "IPv4",
                "ports": [{"name": name, "port": port} for name, port in self._ports.items()],
                "endpoints": [
                    {"addresses": [server.address], "conditions": {"ready": True}} for server in self.servers
                ],
            },
        )

    def _install_api(self) -> None:
        self.cluster.kubectl("apply", "-f", CRDS)
        self.cluster.kubectl("apply", "-f", RBAC)
        self.cluster.kubectl("wait", "--for=condition=Established", "--timeout=30s", "-f", CRDS)

    def tenant(self, namespace: str, name: str = "okta", **spec: Any) -> "Tenant":
        """Two Secrets and a ProvisioningConfig that uses them, not applied yet."""
        return Tenant(self, namespace, name, spec)

    def wait_for(
        self, plural: str, namespace: str, name: str, kind: str, status: str, reason: str | None = None
    ) -> dict[str, Any]:
        """Wait until a condition of the current generation has this status (and reason); returns the condition."""
        found: dict[str, Any] = {}

        def holds() -> bool:
            nonlocal found
            seen = self.reader.get(plural, namespace, name)
            found = condition(seen, kind)
            return (
                found.get("status") == status
                and (reason is None or found.get("reason") == reason)
                and seen is not None
                and seen["status"]["observedGeneration"] == seen["metadata"]["generation"]
            )

        self.wait_until(holds, f"{plural} {namespace}/{name}: {kind}={status} {reason or ''}", lambda: str(found))
        return found

    def wait_programmed(self, *objects: Object) -> None:
        for item in objects:
            metadata = item["metadata"]
            self.wait_for(f"{item['kind'].lower()}s", metadata["namespace"], metadata["name"], "Programmed", "True")

    def wait_answer(self, client: ScimClient, status: int, what: str) -> None:
        """Wait until a look-up by `client` is answered `status`."""
        self.wait_until(lambda: client.status() == status, what)

    def wait_roles(self, tenant: "Tenant", user: str, roles: set[str], what: str) -> None:
        """Wait until the user has exactly these roles on both replicas."""
        applications = tenant.applications()
        self.wait_until(lambda: all(application.roles(user) == roles for application in applications), what)

    def wait_until(
        self, holds: Callable[[], bool], what: str, seen: Callable[[], str] = str, seconds: float = _WAIT_SECONDS
    ) -> None:
        deadline = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > deadline:
                raise AssertionError(f"{what}: not within {seconds:g} s; last seen: {seen()}")
            time.sleep(0.01)


class Tenant:
    """A ProvisioningConfig with its two credentials, and clients for them."""

    def __init__(self, installation: Installation, namespace: str, name: str, spec: dict[str, Any]) -> None:
        self._installation = installation
        self.namespace = namespace
        self.name = name
        self.token, self.read_token = new_token(), new_token()
        self.config = provisioning_config(namespace, name, **spec)
        self.secrets = (
            token_secret(namespace, f"{name}-scim", self.token),
            token_secret(namespace, f"{name}-read", self.read_token),
        )

    @property
    def objects(self) -> tuple[Object, ...]:
        return (*self.secrets, self.config)

    def apply(self, *more: Object) -> None:
        """Apply everything, Secrets too, and wait until it is programmed."""
        self._installation.cluster.apply(*self.objects, *more)
        self._installation.wait_programmed(self.config, *(item for item in more if item["kind"] != "Secret"))

    @property
    def key(self) -> str:
        return f"{self.namespace}/{self.name}"

    def provider(self, server: int = 0, token: str | None = None) -> ScimClient:
        return self.client(server, f"Bearer {token or self.token}")

    def client(self, server: int, authorization: str) -> ScimClient:
        """A client with any credential."""
        return ScimClient(self._installation.servers[server].url, self.key, authorization)

    def application(self, server: int = 0) -> ScimClient:
        return self.provider(server, self.read_token)

    def applications(self) -> tuple[ScimClient, ScimClient]:
        return self.application(0), self.application(1)


def seed() -> int:
    """Of everything random in a test; set E2E_SEED to repeat a run."""
    return int(os.environ.get("E2E_SEED") or secrets.randbelow(1 << 32))
