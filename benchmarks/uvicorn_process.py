"""A program beside ours, for comparison: served by the same uvicorn with the same settings as scim-server."""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.support.processes import free_port, kill_process, start_process, wait_until


@contextmanager
def uvicorn_process(application: str, directory: Path, environment: Mapping[str, str] | None = None) -> Iterator[str]:
    """Serve `application` (`module:name`) from one process with uvloop and httptools; gives its URL."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    log = directory / f"{application.partition(':')[0]}.log"
    process = start_process(
        [
            *(sys.executable, "-m", "uvicorn", application, "--port", str(port)),
            *("--loop", "uvloop", "--http", "httptools", "--ws", "none", "--no-access-log"),
        ],
        log=log,
        env={**os.environ, **(environment or {})},
    )
    try:
        wait_until(lambda: listens(url), seconds=60, what=application, process=process, log=log)
        yield url
    finally:
        kill_process(process)


def listens(url: str) -> bool:
    """Whether a GET is answered at all."""
    try:
        httpx.get(url, timeout=5, trust_env=False)
    except httpx.TransportError:
        return False
    return True
