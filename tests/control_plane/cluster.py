"""A real Kubernetes control plane for tests: etcd and kube-apiserver as processes on loopback.

There is no controller manager, no scheduler and no kubelet: nothing is garbage-collected, a deleted namespace stays
Terminating, a Deployment makes no pods, a namespace gets no default ServiceAccount. So names are unique per test.
"""

import base64
import json
import ssl
import subprocess
import urllib.error
import urllib.request
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
from cryptography.hazmat.primitives.asymmetric import ec

from tests.control_plane.certificates import CertificateAuthority, KeyPair, private_pem, public_pem
from tests.control_plane.kubectl import Kubectl
from tests.support.processes import ProcessDiedError, free_port, kill_process, log_tail, start_process, wait_until

_ATTEMPTS = 3


@dataclass(frozen=True)
class _Ports:
    etcd_client: int
    etcd_peer: int
    api: int


class ControlPlane(Kubectl):
    """etcd and kube-apiserver in one directory, RBAC on, reached by `url`.

    `programs` is the directory with etcd, kube-apiserver and kubectl (see build.py).
    """

    url: str
    """https://127.0.0.1:PORT, the same over restarts."""

    def __init__(self, programs: Path, directory: Path) -> None:
        super().__init__(programs, directory)
        self._ca = CertificateAuthority()
        self._etcd: subprocess.Popen[bytes] | None = None
        self._api_server: subprocess.Popen[bytes] | None = None
        directory.mkdir(parents=True, exist_ok=True)
        self._write_server_keys()

    def start(self) -> None:
        """Start both and return when the API server is ready. About 6 s.

        Another test may take a free port before it is used: then other ports are tried.
        """
        for attempt in range(1, _ATTEMPTS + 1):
            self._ports = _Ports(free_port(), free_port(), free_port())
            self.url = f"https://127.0.0.1:{self._ports.api}"
            admin = self._ca.issue_user("admin", ["system:masters"])
            self.kubeconfig = self._write_kubeconfig("admin", _client_certificate(admin))
            self._readiness = self._readiness_context(admin)
            try:
                self._start_etcd()
                self.start_api_server()
            except ProcessDiedError as error:
                self.stop()
                if attempt == _ATTEMPTS or "address already in use" not in str(error):
                    raise
            else:
                return

    def stop(self) -> None:
        """End both at once; what they stored is of no more use."""
        self.kill_api_server()
        if self._etcd is not None:
            kill_process(self._etcd)
            self._etcd = None

    def start_api_server(self) -> None:
        """Start kube-apiserver on its port and the same etcd; returns when /readyz says yes."""
        etcd = f"http://127.0.0.1:{self._ports.etcd_client}"
        keys = self._keys
        self._api_server = start_process(
            [
                self._programs / "kube-apiserver",
                f"--etcd-servers={etcd}",
                f"--cert-dir={keys}",
                f"--tls-cert-file={keys / 'apiserver.crt'}",
                f"--tls-private-key-file={keys / 'apiserver.key'}",
                "--bind-address=127.0.0.1",
                f"--secure-port={self._ports.api}",
                "--service-cluster-ip-range=10.0.0.0/24",
                "--allow-privileged=true",
                "--authorization-mode=RBAC",
                "--disable-admission-plugins=ServiceAccount",
                f"--service-account-issuer={self.url}/",
                f"--service-account-key-file={keys / 'sa.pub'}",
                f"--service-account-signing-key-file={keys / 'sa.key'}",
                f"--client-ca-file={keys / 'ca.crt'}",
                "--advertise-address=127.0.0.1",
                # Nobody needs endpoints of the service "kubernetes", and they can't be on loopback.
                "--endpoint-reconciler-type=none",
            ],
            log=self._api_server_log,
        )
        wait_until(
            self._ready,
            seconds=120,
            what="kube-apiserver",
            process=self._api_server,
            log=self._api_server_log,
        )

    def kill_api_server(self) -> None:
        """`kill -9`; its clients get errors until start_api_server()."""
        if self._api_server is not None:
            kill_process(self._api_server)
            self._api_server = None

    def restart_api_server(self) -> None:
        """Kill and start again: every watch breaks, the objects stay."""
        self.kill_api_server()
        self.start_api_server()

    def user_kubeconfig(self, user: str, groups: Sequence[str] = ()) -> Path:
        """A kubeconfig with a client certificate for any user; what they may do is up to RBAC."""
        return self._write_kubeconfig(f"user-{user}", _client_certificate(self._ca.issue_user(user, groups)))

    def service_account_kubeconfig(self, namespace: str, name: str) -> Path:
        """A kubeconfig with a token of this ServiceAccount, which must exist (TokenRequest, valid for an hour)."""
        token = self.kubectl("create", "token", name, "--namespace", namespace, "--duration=1h").strip()
        return self._write_kubeconfig(f"{namespace}-{name}", {"token": token})

    def administrator(self) -> httpx.Client:
        """A client of the API server: for tests that ask often, since kubectl takes a tenth of a second to start.

        It opens a connection for each request, so that the API server may be killed meanwhile.
        """
        return httpx.Client(
            base_url=self.url,
            verify=self._readiness,
            limits=httpx.Limits(max_keepalive_connections=0),
            timeout=60,
            trust_env=False,
        )

    def create_namespace(self, prefix: str = "test") -> str:
        """As of any cluster, without kubectl: most tests make one."""
        name = f"{prefix}-{uuid.uuid4().hex[:10]}"
        with self.administrator() as client:
            client.post("/api/v1/namespaces", json={"metadata": {"name": name}}).raise_for_status()
        return name

    def log_tails(self) -> dict[str, str]:
        """The last lines of each program's log, for a failed test's report."""
        return {path.name: log_tail(path) for path in (self._etcd_log, self._api_server_log)}

    @property
    def programs(self) -> Path:
        """The directory with kubectl."""
        return self._programs

    @property
    def _keys(self) -> Path:
        return self._directory / "keys"

    @property
    def _etcd_log(self) -> Path:
        return self._directory / "etcd.log"

    @property
    def _api_server_log(self) -> Path:
        return self._directory / "kube-apiserver.log"

    def _write_server_keys(self) -> None:
        self._keys.mkdir(mode=0o700, exist_ok=True)
        serving = self._ca.issue_server(["localhost", "kubernetes.default.svc"], ["127.0.0.1", "10.0.0.1"])
        accounts = ec.generate_private_key(ec.SECP256R1())
        for name, content in {
            "ca.crt": self._ca.certificate,
            "apiserver.crt": serving.certificate,
            "apiserver.key": serving.key,
            "sa.key": private_pem(accounts),
            "sa.pub": public_pem(accounts),
        }.items():
            (self._keys / name).write_bytes(content)

    def _start_etcd(self) -> None:
        client = f"http://127.0.0.1:{self._ports.etcd_client}"
        peer = f"http://127.0.0.1:{self._ports.etcd_peer}"
        data = self._directory / f"etcd-{self._ports.etcd_client}"
        self._etcd = start_process(
            [
                self._programs / "etcd",
                f"--data-dir={data}",
                f"--listen-peer-urls={peer}",
                f"--initial-advertise-peer-urls={peer}",
                f"--initial-cluster=default={peer}",
                f"--listen-client-urls={client}",
                f"--advertise-client-urls={client}",
                # A killed etcd may lose data with this: tests kill the API server, never etcd.
                "--unsafe-no-fsync=true",
            ],
            log=self._etcd_log,
        )
        wait_until(
            lambda: _answers_200(f"{client}/readyz", None),
            seconds=60,
            what="etcd",
            process=self._etcd,
            log=self._etcd_log,
        )

    def _ready(self) -> bool:
        return _answers_200(f"{self.url}/readyz", self._readiness)

    def _readiness_context(self, user: KeyPair) -> ssl.SSLContext:
        context = ssl.create_default_context(cadata=self._ca.certificate.decode())
        both = self._keys / "admin.pem"
        both.write_bytes(user.key + user.certificate)
        context.load_cert_chain(both)
        return context

    def _write_kubeconfig(self, name: str, user: dict[str, str]) -> Path:
        # JSON is YAML.
        path = self._directory / f"{name.replace(':', '-')}.kubeconfig"
        authority = {"server": self.url, "certificate-authority-data": _base64(self._ca.certificate)}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "test", "cluster": authority}],
            "users": [{"name": name, "user": user}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": name}}],
            "current-context": "test",
        }
        path.write_text(json.dumps(config, indent=1))
        path.chmod(0o600)
        return path


def _client_certificate(pair: KeyPair) -> dict[str, str]:
    return {"client-certificate-data": _base64(pair.certificate), "client-key-data": _base64(pair.key)}


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _answers_200(url: str, context: ssl.SSLContext | None) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5, context=context) as response:
            status: int = response.status
            return status == 200
    except (urllib.error.URLError, OSError):
        return False
