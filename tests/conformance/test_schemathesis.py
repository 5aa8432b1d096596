"""What the server does, held against its OpenAPI document by schemathesis, as anybody would run it.

Examples of the document, every boundary of its schemas, random requests, and sequences of them. No status, header or
body may come that the document doesn't have, nothing may need no credential, no 5xx may come. A strict tenant must
also refuse what the document doesn't allow; a tolerant one's says that it takes more.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from scim_server.config import (
    Access,
    BearerCredential,
    ConfigBundle,
    Conformance,
    ExtensionSchema,
    OAuthClient,
    ServerConfig,
    pair_digest,
    token_digest,
)
from tests.support.examples import few
from tests.support.server_process import ServerProcess
from tests.support.serving import TOKEN_KEY, Connection, bundle_of

pytestmark = pytest.mark.hypothesis  # so that `make fuzz` makes up more requests, too

ROOT = Path(__file__).parents[2]
RANDOM = "examples,fuzzing,stateful"
CLIENT_ID, CLIENT_SECRET = "reporting", "secret-of-the-client-0123456789"
OWN_USER = "ann@example.com"
"""For whom all credentials stand."""
NO_LIMITS = {"SCIM_TENANT_RATE": "0", "SCIM_FAILED_AUTHENTICATIONS": "0"}
SCHEMAS = tuple(
    ExtensionSchema.model_validate(schema)
    for schema in (
        {
            "mapping": "acme/badges",
            "id": "urn:acme:User",
            "attributes": [
                {"name": "badge", "required": True},
                {"name": "level", "type": "integer"},
                {"name": "share", "type": "decimal"},
                {"name": "boss", "type": "boolean"},
                {"name": "hired", "type": "dateTime"},
                {"name": "keys", "type": "binary", "multiValued": True},
                {
                    "name": "desks",
                    "type": "complex",
                    "multiValued": True,
                    "subAttributes": [{"name": "floor", "type": "integer"}, {"name": "tags", "multiValued": True}],
                },
            ],
        },
        {
            "mapping": "acme/badges",
            "id": "urn:acme:Group",
            "resourceType": "Group",
            "attributes": [{"name": "budget", "type": "decimal"}],
        },
    )
)


@dataclass
class Endpoint:
    """A tenant of a running server."""

    url: str
    connection: Connection

    def check(self, credential: str, *options: str) -> str:
        """What `schemathesis run` prints; it must find nothing."""
        token = self.connection.token(credential)
        result = subprocess.run(
            [
                Path(sys.executable).with_name("schemathesis"),
                *("--config-file", ROOT / "tests/conformance/schemathesis.toml", "run"),
                *(f"{self.url}/openapi.json", "--header", f"Authorization: Bearer {token}"),
                *("--max-examples", str(few(3)), *options),
            ],
            check=False,
            capture_output=True,
            text=True,
            cwd=ROOT,
            env={
                "PATH": os.environ["PATH"],
                "TOKEN": token,
                "CLIENT_ID": CLIENT_ID,
                "CLIENT_SECRET": CLIENT_SECRET,
                "NO_COLOR": "1",
            },
        )
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout


@pytest.fixture
def conformance() -> Conformance:
    return Conformance.TOLERANT


@pytest.fixture
def endpoint(tmp_path: Path, database_url: str, conformance: Conformance) -> Iterator[Endpoint]:
    connection = Connection()
    server = ServerProcess(tmp_path, database_url, _bundle(connection, conformance), NO_LIMITS)
    server.start()
    url, headers = server.url + connection.path, {"Authorization": f"Bearer {connection.token('provision')}"}
    user = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": OWN_USER}
    httpx.post(f"{url}/Users", json=user, headers=headers, trust_env=False).raise_for_status()
    yield Endpoint(url, connection)
    server.stop()


def _bundle(connection: Connection, conformance: Conformance) -> ConfigBundle:
    """Of a tenant with extension schemas of its own, a credential of each access, and an OAuth client."""
    bundle = bundle_of(connection)
    credentials = tuple(
        BearerCredential(name=access.value.lower(), access=access, user_name=OWN_USER) for access in Access
    )
    client = OAuthClient(name="client", client_id=CLIENT_ID)
    tenant = bundle.config.tenants[0].model_copy(
        update={
            "conformance": conformance,
            "schemas": SCHEMAS,
            "credentials": credentials,
            "oauth_clients": (client,),
        }
    )
    digests = {
        tenant.credential_key(each.name): token_digest(connection.token(each.name).encode(), TOKEN_KEY)
        for each in credentials
    }
    digests[tenant.credential_key("client")] = pair_digest(CLIENT_ID.encode(), CLIENT_SECRET.encode(), TOKEN_KEY)
    return ConfigBundle.of(
        ServerConfig(revision=bundle.revision, tenants=(tenant,)),
        bundle.secrets.model_copy(update={"digests": digests}),
    )


def generated(printed: str) -> int:
    """The number of requests."""
    found = re.search(r"([\d,]+) generated", printed)
    assert found is not None, printed
    return int(found[1].replace(",", ""))


@pytest.mark.databases("sqlite")
def test_a_tolerant_tenant_does_what_its_document_says(endpoint: Endpoint) -> None:
    assert generated(endpoint.check("provision", "--exclude-checks", "negative_data_rejection")) > 2000


@pytest.mark.databases("postgresql")
def test_a_tolerant_tenant_does_so_on_postgresql(endpoint: Endpoint) -> None:
    """The boundaries are tried there by a strict one."""
    printed = endpoint.check("provision", "--exclude-checks", "negative_data_rejection", "--phases", RANDOM)
    assert generated(printed) > 100


@pytest.mark.parametrize("conformance", [Conformance.STRICT])
@pytest.mark.databases("postgresql")
def test_a_strict_tenant_takes_nothing_else(endpoint: Endpoint) -> None:
    assert generated(endpoint.check("provision")) > 2000


@pytest.mark.databases("sqlite")
@pytest.mark.parametrize("credential", ["read", "self"])
def test_credentials_that_only_read_get_what_the_document_says(endpoint: Endpoint, credential: str) -> None:
    printed = endpoint.check(credential, "--exclude-checks", "negative_data_rejection", "--phases", RANDOM)
    assert generated(printed) > 50
