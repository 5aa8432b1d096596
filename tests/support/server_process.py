"""`scim-server` as a process of its own, for what a server in the test's process can't show."""

import signal
from collections.abc import Mapping
from pathlib import Path

import httpx

from scim_server.config import ConfigBundle
from tests.support.mounts import mount_pair
from tests.support.processes import free_port, kill_process, wait_until
from tests.support.warm_programs import WarmProcess, start_program


class ServerProcess:
    """One replica, with mounted files. `stop` and `kill` may be followed by `start` on the same ports.

    `environment` is added to this process's.
    """

    def __init__(
        self, directory: Path, database_url: str, bundle: ConfigBundle, environment: Mapping[str, str] | None = None
    ) -> None:
        self.config_dir = directory / "mounted"
        self.log = directory / "server.log"
        self.token_file = directory / "management-token"
        self.config_dir.mkdir(parents=True)
        mount_pair(self.config_dir, bundle)
        self.token_file.write_text("management-token-of-the-process")
        port, management_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.management_url = f"http://127.0.0.1:{management_port}"
        self._arguments: list[str | Path] = [
            *("--config-dir", self.config_dir, "--database", database_url),
            *("--host", "127.0.0.1", "--port", str(port)),
            *("--management-host", "127.0.0.1", "--management-port", str(management_port)),
            *("--management-token-file", self.token_file),
        ]
        self._environment = environment
        self._process: WarmProcess | None = None

    def start(self) -> None:
        """Return when it is ready: configured, and with its database."""
        self.launch()
        self.wait_until_ready()

    def launch(self) -> None:
        self._process = start_program("scim-server", *self._arguments, log=self.log, environment=self._environment)

    def wait_until_ready(self) -> None:
        wait_until(self.is_ready, seconds=60, what="scim-server", process=self._process, log=self.log)

    @property
    def pid(self) -> int:
        """Of the running process."""
        assert self._process is not None
        return self._process.pid

    def stop(self) -> int:
        """SIGTERM; the exit status."""
        return self._end(signal.SIGTERM)

    def wait(self) -> int:
        """Until it ends by itself; the exit status."""
        assert self._process is not None
        process, self._process = self._process, None
        return process.wait(timeout=60)

    def kill(self) -> None:
        """`kill -9`."""
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> int:
        if self._process is None:
            return 0
        process, self._process = self._process, None
        return kill_process(process, how)

    def is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.management_url}/readyz", trust_env=False).status_code == 200
        except httpx.TransportError:
            return False
