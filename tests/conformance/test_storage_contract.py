"""The storage contract of the PyPI package scim2-server, asked of our server over HTTP.

Its rules for filters and orders compare what is found with what scim2-models, written by others, evaluates. The cases
that are left out are those of `not_ours`.
"""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from scim2_models import ScimProvider
from scim2_server.testing import SEARCH_FILTERS, ScimStorageContract

from tests.conformance import not_ours
from tests.conformance.http_storage import HttpStorage, discover
from tests.support.server_process import ServerProcess
from tests.support.serving import Connection, bundle_of

pytestmark = pytest.mark.xdist_group("storage-contract")  # whose tests share what takes long to make


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def client(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """The identity provider's, of a server that all tests of a database share."""
    directory: Path = tmp_path_factory.mktemp("server")
    database = f"sqlite:///{directory}/scim.db"
    if request.param == "postgresql":
        database = request.getfixturevalue("postgres_module_dsn")
    connection = Connection()
    server = ServerProcess(directory, database, bundle_of(connection))
    server.start()
    headers = {"Authorization": f"Bearer {connection.token('provision')}"}
    with httpx.Client(base_url=server.url + connection.path, headers=headers, trust_env=False, timeout=60) as client:
        yield client
    server.stop()


@pytest.fixture(scope="module")
def discovered(client: httpx.Client) -> ScimProvider:
    return discover(client)


@pytest.fixture
def storage(client: httpx.Client, discovered: ScimProvider) -> Iterator[HttpStorage]:
    """Empty."""
    yield HttpStorage(client, discovered)
    for endpoint in ("/Groups", "/Users"):
        for resource in client.get(endpoint, params={"attributes": "id"}).json()["Resources"]:
            client.delete(f"{endpoint}/{resource['id']}").raise_for_status()


class TestStorageContract(ScimStorageContract):
    @pytest.fixture
    def provider(self, discovered: ScimProvider) -> ScimProvider:
        return discovered


def test_filters_that_are_refused_say_so(client: httpx.Client) -> None:
    for refused in ("title gt null", 'meta.created co "20"'):
        answer = client.get("/Users", params={"filter": refused})
        assert (answer.status_code, answer.json()["scimType"]) == (400, "invalidFilter"), refused


def test_an_empty_string_is_no_value(storage: HttpStorage, client: httpx.Client) -> None:
    for user in ({"userName": "with", "title": "Boss"}, {"userName": "empty", "title": ""}, {"userName": "without"}):
        client.post("/Users", json=user).raise_for_status()
    for condition, found in (("title eq null", {"empty", "without"}), ("title ne null", {"with"})):
        answer = client.get("/Users", params={"filter": condition}).json()
        assert {user["userName"] for user in answer["Resources"]} == found, condition


def test_the_contract_still_has_what_we_leave_out() -> None:
    """A name that the next version of the package changes would leave out nothing, or the wrong case."""
    assert not_ours.FILTERS.keys() <= set(SEARCH_FILTERS)
    assert all(hasattr(ScimStorageContract, name) for name in not_ours.TESTS)
