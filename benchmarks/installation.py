"""One tenant on real `scim-server` processes, set up as an operator does it: configuration and secrets as files."""

import secrets
import sys
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from subprocess import Popen
from typing import Any, Self

import httpx
import orjson

from benchmarks.load import encode_request
from scim_server.config import (
    BearerCredential,
    GroupSelector,
    Role,
    RoleRule,
    ServerConfig,
    ServerSecrets,
    Tenant,
    encode_config,
    encode_secrets,
    new_token_key,
    token_digest,
)
from scim_server.config.bundles import CONFIG_FILE, SECRETS_FILE
from tests.support.processes import free_port, kill_process, start_process, wait_until

TENANT = Tenant(
    namespace="bench",
    name="okta",
    provider="Okta",
    credentials=(BearerCredential(name="provider"),),
    roles=(Role(name="viewer"), Role(name="guest"), Role(name="analyst", permissions=("alerts:read",))),
    base_roles=("viewer",),
    fallback_roles=("guest",),
    rules=(
        RoleRule(
            mapping="bench/roles",
            rule="analysts",
            groups=(GroupSelector(display_name_pattern="Analysts .*"),),
            roles=("analyst",),
        ),
    ),
)
"""Members of groups named `Analysts …` have a role, so that a change of members costs what it costs in real life."""


SCIM_BODY = {"Content-Type": "application/scim+json"}


class Installation:
    """`servers` processes of `scim-server` on one database; a context manager.

    With default settings, but without the limit on a tenant's rate.

    `urls` are the tenant's SCIM base URLs, one for each process; `client` talks to the first one.
    """

    def __init__(self, directory: Path, database_url: str, *, servers: int = 1) -> None:
        self.database_url = database_url
        self._token = secrets.token_urlsafe(32)
        self._directory = directory
        self._configuration = directory / "configuration"  # watched by the servers: nothing else may change in it
        self._write_configuration()
        self._processes: list[Popen[bytes]] = []
        self.urls: list[str] = []
        self._closing = ExitStack()
        with ExitStack() as starting:
            starting.callback(self.stop)
            for _ in range(servers):
                self._start_server()
            starting.pop_all()
        self.client = self._closing.enter_context(
            httpx.Client(base_url=self.urls[0], headers=self.headers, timeout=600, trust_env=False)
        )

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"}

    @property
    def pids(self) -> list[int]:
        return [process.pid for process in self._processes]

    def request(self, method: str, path: str, document: Any = None, *, server: int = 0) -> bytes:
        """The bytes of a request, for the load generator. `path` begins after the SCIM base URL."""
        body = b"" if document is None else orjson.dumps(document)
        return encode_request(method, self.urls[server] + path, self.headers, body)

    def create_group(self, display_name: str, members: Iterable[str]) -> str:
        """POST it; returns its id."""
        response = self.client.post("/Groups", content=orjson.dumps(group(display_name, members)), headers=SCIM_BODY)
        response.raise_for_status()
        group_id: str = response.json()["id"]
        return group_id

    def peak_memory(self) -> int:
        """Bytes that the first process had resident at most since `forget_peak_memory`."""
        for line in Path(f"/proc/{self.pids[0]}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
        raise RuntimeError("the kernel doesn't say VmHWM")

    def forget_peak_memory(self) -> None:
        Path(f"/proc/{self.pids[0]}/clear_refs").write_text("5")

    def stop(self) -> None:
        self._closing.close()
        while self._processes:
            kill_process(self._processes.pop())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _write_configuration(self) -> None:
        key = new_token_key()
        digest = token_digest(self._token.encode(), key)
        served = ServerConfig(revision=1, tenants=(TENANT,))
        secret = ServerSecrets(
            revision=1, token_key=key.hex(), digests={TENANT.credential_key(TENANT.credentials[0].name): digest}
        )
        files = {f"config/{CONFIG_FILE}": encode_config(served), f"secrets/{SECRETS_FILE}": encode_secrets(secret)}
        for name, content in files.items():
            file = self._configuration / name
            file.parent.mkdir(parents=True)
            file.write_bytes(content)

    def _start_server(self) -> None:
        port, management_port = free_port(), free_port()
        number = len(self._processes)
        log = self._directory / f"server-{number}.log"
        process = start_process(
            [
                *(Path(sys.executable).parent / "scim-server", "--config-dir", self._configuration),
                *("--database", self.database_url, "--host", "127.0.0.1", "--port", str(port)),
                *("--management-host", "127.0.0.1", "--management-port", str(management_port)),
                *("--tenant-rate", "0"),  # the limit would be what is measured
            ],
            log=log,
        )
        self._processes.append(process)
        readiness = f"http://127.0.0.1:{management_port}/readyz"
        wait_until(lambda: answers(readiness), seconds=60, what="scim-server", process=process, log=log)
        self.urls.append(f"http://127.0.0.1:{port}/{TENANT.key}/scim/v2")


def answers(url: str) -> bool:
    """Whether a GET is answered with 2xx."""
    try:
        return httpx.get(url, timeout=5, trust_env=False).is_success
    except httpx.TransportError:
        return False


def user(number: int) -> dict[str, Any]:
    """A user as Okta creates it."""
    user_name = f"user-{number:07}@bench.example"
    return {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": user_name,
        "name": {"givenName": f"Given {number}", "familyName": "Bench"},
        "emails": [{"primary": True, "value": user_name, "type": "work"}],
        "displayName": f"Given {number} Bench",
        "locale": "en-US",
        "externalId": f"00u{number:017x}",
        "groups": [],
        "active": True,
    }


def group(display_name: str, members: Iterable[str]) -> dict[str, Any]:
    return {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
        "displayName": display_name,
        "members": [{"value": member} for member in members],
    }


def patch(*operations: dict[str, Any]) -> dict[str, Any]:
    return {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [*operations]}
