"""For all tests of this folder, which take names of their own:

server       one `scim-server` process on SQLite that runs OKTA
nginx        nginx before it, which passes `Upgrade` on as ingress-nginx does
"""

from collections.abc import Iterator

import pytest

from tests.clients.nginx import Nginx
from tests.support.server_process import ServerProcess
from tests.support.serving import Connection, bundle_of

OKTA = Connection()


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    directory = tmp_path_factory.mktemp("server")
    process = ServerProcess(directory, f"sqlite:///{directory}/scim.db", bundle_of(OKTA))
    process.start()
    yield process
    process.kill()


@pytest.fixture(scope="package")
def nginx(server: ServerProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    proxy = Nginx(tmp_path_factory.mktemp("proxy") / "nginx", server.url)
    proxy.start()
    yield proxy
    proxy.stop()
