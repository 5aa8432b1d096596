"""Debian's nginx with the lines that ingress-nginx writes for every backend, WebSockets or not."""

from pathlib import Path
from subprocess import Popen

import httpx

from tests.support.nginx import nginx_command
from tests.support.processes import free_port, kill_process, start_process, wait_until

_HTTP = """
  map $http_upgrade $connection_upgrade {{ default upgrade; '' ''; }}
  upstream scim {{ server {upstream}; keepalive 1; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://scim;
      proxy_http_version 1.1;
      proxy_set_header Host $http_host;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_upgrade;
    }}
  }}
"""


class Nginx:
    """One process, which keeps one connection to `upstream`, so that all its clients share it."""

    def __init__(self, directory: Path, upstream: str) -> None:
        directory.mkdir()
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._log = directory / "nginx.log"
        self._argv = nginx_command(directory, _HTTP.format(port=port, upstream=upstream.removeprefix("http://")))
        self._process: Popen[bytes] | None = None

    def start(self) -> None:
        self._process = start_process(self._argv, log=self._log)
        wait_until(self._listens, seconds=60, what="nginx", process=self._process, log=self._log)

    def stop(self) -> None:
        if self._process is not None:
            kill_process(self._process)

    def _listens(self) -> bool:
        try:
            return httpx.get(f"{self.url}/", trust_env=False).status_code == 404
        except httpx.TransportError:
            return False
