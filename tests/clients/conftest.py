"""server       one `scim-server` process on SQLite that runs OKTA
nginx        nginx before it, which passes `Upgrade` on as ingress-nginx does
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.nginx import Nginx
from tests.support.server_process import ServerProcess
from tests.support.serving import Connection, bundle_of

OKTA = Connection()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    process = ServerProcess(tmp_path, f"sqlite:///{tmp_path}/scim.db", bundle_of(OKTA))
    process.start()
    yield process
    process.kill()


@pytest.fixture
def nginx(server: ServerProcess, tmp_path: Path) -> Iterator[Nginx]:
    proxy = Nginx(tmp_path / "nginx", server.url)
    proxy.start()
    yield proxy
    proxy.stop()
