"""Debian's nginx with the lines that ingress-nginx writes for every backend, WebSockets or not."""

from pathlib import Path
from subprocess import Popen

import httpx

from tests.support.debian import program
from tests.support.processes import free_port, kill_process, start_process, wait_until

_CONFIGURATION = """
daemon off;
master_process off;
pid {directory}/nginx.pid;
error_log stderr;
events {{ worker_connections 256; }}
http {{
  access_log off;
  client_body_temp_path {directory}/body;
  proxy_temp_path {directory}/proxy;
  fastcgi_temp_path {directory}/fastcgi;
  uwsgi_temp_path {directory}/uwsgi;
  scgi_temp_path {directory}/scgi;
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
}}
"""


class Nginx:
    """One process, which keeps one connection to `upstream`, so that all its clients share it."""

    def __init__(self, directory: Path, upstream: str) -> None:
        directory.mkdir()
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._directory, self._log = directory, directory / "nginx.log"
        self._configuration = directory / "nginx.conf"
        self._configuration.write_text(
            _CONFIGURATION.format(directory=directory, port=port, upstream=upstream.removeprefix("http://"))
        )
        self._process: Popen[bytes] | None = None

    def start(self) -> None:
        argv: list[str | Path] = [program("nginx"), "-p", self._directory, "-c", self._configuration]
        self._process = start_process(argv, log=self._log)
        wait_until(self._listens, seconds=60, what="nginx", process=self._process, log=self._log)

    def stop(self) -> None:
        if self._process is not None:
            kill_process(self._process)

    def _listens(self) -> bool:
        try:
            return httpx.get(f"{self.url}/", trust_env=False).status_code == 404
        except httpx.TransportError:
            return False
