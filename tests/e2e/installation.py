"""A whole installation: CRDs, the chart's RBAC, the operator under its ServiceAccount, two servers on PostgreSQL."""

import secrets
from pathlib import Path

from scim_operator.reconcile import ShardNames
from tests.control_plane.certificates import CertificateAuthority
from tests.control_plane.cluster import ControlPlane
from tests.e2e.cluster_api import ClusterReader
from tests.e2e.installed import Installed
from tests.e2e.processes import Program, ScimServer
from tests.e2e.projector import Projector
from tests.support.processes import free_port

ROOT = Path(__file__).parents[2]
CRDS = ROOT / "crds"
RBAC = ROOT / "charts" / "scim-operator" / "rbac"

NAMESPACE = "scim-system"
SERVICE = "scim-server"
NAMES = ShardNames(NAMESPACE)

PROJECTION_SECONDS = 2.0
"""Slower than what the tests measure, so that only a push can be as fast, and much faster than a kubelet."""


class Installation(Installed):
    """Made once for all tests here: each test has its own namespaces, and leaves every process running."""

    def __init__(
        self, control_plane: ControlPlane, directory: Path, database: str, addresses: tuple[str, ...]
    ) -> None:
        super().__init__(control_plane, ClusterReader(control_plane.kubeconfig))
        self.cluster: ControlPlane = control_plane
        token_file = directory / "management-token"
        token_file.write_text(secrets.token_urlsafe(32))
        authority, authority_file = CertificateAuthority(), directory / "ca.crt"
        authority_file.write_bytes(authority.certificate)
        port, management_port = free_port(addresses[0]), free_port(addresses[0])
        self.servers: list[ScimServer] = [
            ScimServer(
                address,
                port,
                management_port,
                directory=directory / f"server-{index}",
                database=database,
                token_file=token_file,
                authority=authority,
                tls_name=f"{SERVICE}.{NAMESPACE}.svc",
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
                f"--server-ca-file={authority_file}",
                "--public-url=https://scim.example.com",
                "--poll-seconds=1",
                "--counters-seconds=1",
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
