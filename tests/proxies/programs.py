"""Debian's nginx and HAProxy with the configurations that docs/how-to/expose-the-server.md shows."""

import re
import ssl
from pathlib import Path
from subprocess import Popen

import httpx

from tests.control_plane.certificates import CertificateAuthority
from tests.support.debian import program
from tests.support.nginx import nginx_command
from tests.support.processes import free_port, kill_process, start_process, wait_until

_PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "expose-the-server.md"
SERVICE = "scim-server.scim-system.svc"
"""What the certificate of the server is for."""


class Proxy:
    """One process on `url`, of which the client trusts `authority`; it trusts the same one of the server."""

    def __init__(self, name: str, directory: Path, server: str, authority: CertificateAuthority) -> None:
        directory.mkdir()
        port = free_port()
        self.name = name
        self.url = f"https://localhost:{port}"
        self._trust = ssl.create_default_context(cadata=authority.certificate.decode())
        pair = authority.issue_server(("localhost",), ())
        files = {
            "tls.crt": pair.certificate,
            "tls.key": pair.key,
            "ca.crt": authority.certificate,
            "scim.acme.example.pem": pair.certificate + pair.key,
        }
        for file, content in files.items():
            (directory / file).write_bytes(content)
        (shown,) = re.findall(rf"^```{name}\n(.*?)^```$", _PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
        for there, here in (
            (f"{SERVICE}:8080", server.removeprefix("https://")),
            ("listen 443", f"listen 127.0.0.1:{port}"),
            ("bind :443", f"bind 127.0.0.1:{port}"),
            (f"/etc/{name}/", f"{directory}/"),
        ):
            shown = shown.replace(there, here)
        self._log = directory / "log"
        if name == "nginx":
            self._argv = nginx_command(directory, shown)
        else:
            configuration = directory / "haproxy.cfg"
            configuration.write_text(shown)
            self._argv = [program("haproxy"), "-db", "-f", configuration]
        self._process: Popen[bytes] | None = None

    def start(self) -> None:
        self._process = start_process(self._argv, log=self._log)
        wait_until(self._answers, seconds=60, what=self.name, process=self._process, log=self._log)

    def stop(self) -> None:
        if self._process is not None:
            kill_process(self._process)

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/", trust_env=False, verify=self._trust).status_code == 404
        except httpx.TransportError:
            return False
