"""What every end-to-end test may ask of an installation, however it was made."""

import os
import secrets
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from tests.control_plane.kubectl import Kubectl
from tests.e2e.cluster_api import ClusterReader, condition
from tests.e2e.manifests import Object, new_token, provisioning_config, token_secret
from tests.e2e.provider import ScimClient

_WAIT_SECONDS = 60.0
_LOOK_SECONDS = 0.03


class Replica(Protocol):
    """One server."""

    @property
    def url(self) -> str:
        """Of its public port, as reached from here."""


class Installed:
    """An operator, and two servers on one database. The tests share it: each has namespaces of its own."""

    servers: Sequence[Replica]

    def __init__(self, cluster: Kubectl, reader: ClusterReader) -> None:
        self.cluster = cluster
        self.reader = reader

    def logs(self) -> dict[str, str]:
        """Ends of the logs, by name."""
        raise NotImplementedError

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
            time.sleep(_LOOK_SECONDS)


class Tenant:
    """A ProvisioningConfig with its two credentials, and clients for them."""

    def __init__(self, installation: Installed, namespace: str, name: str, spec: dict[str, Any]) -> None:
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
