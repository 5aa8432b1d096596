"""The two programs under test, as they are installed: each its own process, killed and started again at will."""

import signal
import ssl
from collections.abc import Sequence
from pathlib import Path

import httpx

from tests.control_plane.certificates import CertificateAuthority
from tests.support.processes import kill_process, log_tail, wait_until
from tests.support.warm_programs import WarmProcess, start_program


class Program:
    """A console script with fixed arguments and one log over all its lives."""

    def __init__(self, argv: Sequence[str | Path], log: Path) -> None:
        self._program, *self._arguments = map(str, argv)
        self.log = log
        self._process: WarmProcess | None = None

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        self._process = start_program(self._program, *self._arguments, log=self.log)

    def kill(self) -> None:
        """`kill -9`."""
        if self._process is not None:
            kill_process(self._process)
            self._process = None

    def stop(self) -> int:
        """SIGTERM; returns the exit status."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        status = self._process.wait(timeout=40)
        self._process = None
        return status

    def tail(self) -> str:
        return log_tail(self.log, 60)


class ScimServer(Program):
    """One replica of the server on an address of the private network."""

    def __init__(
        self,
        address: str,
        port: int,
        management_port: int,
        *,
        directory: Path,
        database: str,
        token_file: Path,
        authority: CertificateAuthority,
        tls_name: str,
    ) -> None:
        self.address = address
        self.url = f"http://{address}:{port}"
        self.management_url = f"https://{address}:{management_port}"
        self.config_dir = directory / "mounted"
        directory.mkdir(parents=True)
        # For the Service's name, by which the operator knows it, and for this test by its address.
        shown = authority.issue_server((tls_name,), (address,))
        self._trust = ssl.create_default_context(cadata=authority.certificate.decode())
        certificate, key = directory / "tls.crt", directory / "tls.key"
        certificate.write_bytes(shown.certificate)
        key.write_bytes(shown.key)
        super().__init__(
            [
                "scim-server",
                f"--config-dir={self.config_dir}",
                f"--database={database}",
                f"--host={address}",
                f"--port={port}",
                f"--management-host={address}",
                f"--management-port={management_port}",
                f"--management-token-file={token_file}",
                f"--management-tls-cert={certificate}",
                f"--management-tls-key={key}",
                "--log-format=text",
                # Tests ask until an answer changes, all from one address.
                "--failed-authentications=0",
            ],
            directory / "server.log",
        )

    def wait_listening(self) -> None:
        """The process answers; it may have no configuration yet."""
        wait_until(
            self._is_alive,
            seconds=60,
            what="scim-server",
            process=self._process,
            log=self.log,
        )

    def _is_alive(self) -> bool:
        try:
            return httpx.get(f"{self.management_url}/livez", timeout=5, verify=self._trust).status_code == 200
        except httpx.TransportError:
            return False
