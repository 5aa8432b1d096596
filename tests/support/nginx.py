"""Debian's nginx as one process of a test, in a directory of its own."""

from pathlib import Path

from tests.support.debian import program

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
  {inner}
}}
"""


def nginx_command(directory: Path, inner: str) -> list[str | Path]:
    """What starts it. `inner`: the lines within `http {}`."""
    configuration = directory / "nginx.conf"
    configuration.write_text(_CONFIGURATION.format(directory=directory, inner=inner))
    return [program("nginx"), "-p", directory, "-c", configuration]
