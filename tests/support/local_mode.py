"""`scim-operator local` and `quickstart` as processes, for tests that edit manifests while they run."""

import re
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from tests.support.processes import kill_process, log_tail, wait_until
from tests.support.warm_programs import run_program, start_program

SCIM_OPERATOR = Path(sys.executable).with_name("scim-operator")
PROVIDER_TOKEN = "public-example-token-for-okta"
READER_TOKEN = "public-example-token-for-applications"
EFFECTIVE = "urn:scim-operator:params:scim:schemas:extension:effective:2.0:User"


class RunningLocalMode:
    """A process that serves `manifests` on a free port, with `command` and further arguments."""

    def __init__(self, manifests: Path, data: Path, *arguments: str | Path, command: str = "local") -> None:
        self.log = data.with_name(f"{data.name}.log")
        self._process = start_program(
            "scim-operator", command, "-f", manifests, "--data-dir", data, "--port", "0", *arguments, log=self.log
        )
        self._begin = self.log.stat().st_size if self.log.exists() else 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            kill_process(self._process)
        if error is not None:
            error.add_note(log_tail(self.log))

    @property
    def said(self) -> str:
        """What it has printed, on both streams."""
        return self.log.read_text()[self._begin :]

    def wait_for(self, pattern: str, seconds: float = 60) -> re.Match[str]:
        """Until it has printed something that matches."""
        wait_until(
            lambda: re.search(pattern, self.said) is not None,
            seconds=seconds,
            what=f"output that matches {pattern!r}",
            process=self._process,
            log=self.log,
        )
        found = re.search(pattern, self.said)
        assert found is not None
        return found

    def base_url(self, tenant: str = "acme/okta") -> str:
        """Of SCIM, once it serves."""
        return self.wait_for(rf"(http://127\.0\.0\.1:\d+/{tenant}/scim/v2)\b")[1]

    def client(self, token: str = PROVIDER_TOKEN, tenant: str = "acme/okta") -> httpx.Client:
        return httpx.Client(base_url=self.base_url(tenant), headers={"Authorization": f"Bearer {token}"}, timeout=30)

    def stop(self, sent: signal.Signals = signal.SIGINT) -> int:
        """The exit status after the signal."""
        return kill_process(self._process, sent)


def run_to_its_end(*arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """A command that is expected to end by itself."""
    return run_program("scim-operator", *arguments, cwd=cwd)


def create_user(client: httpx.Client, user_name: str, display_name: str) -> str:
    """The id of a new user."""
    body = {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": user_name,
        "displayName": display_name,
        "active": True,
    }
    return str(client.post("/Users", json=body).raise_for_status().json()["id"])


def create_group(client: httpx.Client, display_name: str, *user_ids: str) -> str:
    """The id of a new group with these members."""
    body = {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
        "displayName": display_name,
        "members": [{"value": user_id} for user_id in user_ids],
    }
    return str(client.post("/Groups", json=body).raise_for_status().json()["id"])


def effective(client: httpx.Client, user_id: str) -> dict[str, Any]:
    """State, roles, permissions and profile of a user. Any credential may ask."""
    user = client.get(f"/Users/{user_id}", params={"attributes": EFFECTIVE}).raise_for_status().json()
    found: dict[str, Any] = user[EFFECTIVE]
    return found


def roles(client: httpx.Client, user_id: str) -> set[str]:
    return {role["value"] for role in effective(client, user_id).get("roles", ())}


def wait_for_roles(client: httpx.Client, user_id: str, expected: set[str], seconds: float = 60) -> None:
    wait_until(lambda: roles(client, user_id) == expected, seconds=seconds, what=f"roles {sorted(expected)}")
