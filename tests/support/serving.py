"""A real server in the test's event loop, on both databases, and clients that speak HTTP to it.

Its fixtures are there for every test: see tests/conftest.py.
"""

import ssl
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from scim_server.app import Server, ServerSettings
from scim_server.config import (
    Access,
    AttributeRule,
    BearerCredential,
    ConfigBundle,
    Deprovisioning,
    GroupSelector,
    Mode,
    Role,
    RoleRule,
    Safety,
    ServerConfig,
    ServerSecrets,
    Tenant,
    token_digest,
)
from tests.support.migrated import make_sqlite, migrate
from tests.support.postgres import PostgresServer

TLS = ssl.create_default_context()
"""Of all clients, since reading the authorities' certificates takes longer than many a test."""
TOKEN_KEY = bytes(range(32))
EFFECTIVE = "urn:scim-operator:params:scim:schemas:extension:effective:2.0:User"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
PATCH_OP = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
MANAGEMENT_TOKEN = "management-token-of-the-tests"
MANAGEMENT_HEADERS = {"Authorization": f"Bearer {MANAGEMENT_TOKEN}"}

CATALOGUE = {
    "admin": ("users:write", "alerts:write"),
    "analyst": ("alerts:read",),
    "guest": (),
    "viewer": ("alerts:read",),
}
"""By name, as the operator delivers it."""


@dataclass(frozen=True)
class Connection:
    """A ProvisioningConfig for tests: a tenant with the credentials `provision` and `read`.

    `rules`: (name of the rule, selector of one group, roles). `tokens`: by name of the credential.
    """

    key: str = "acme/okta"
    rules: Sequence[tuple[str, Mapping[str, str], Sequence[str]]] = (
        ("admins", {"display_name": "App Admins"}, ("admin",)),
        ("analysts", {"external_id": "00g-analysts"}, ("analyst",)),
    )
    base_roles: Sequence[str] = ("viewer",)
    fallback_roles: Sequence[str] = ("guest",)
    attributes: Sequence[AttributeRule] = ()
    delay_seconds: int = 900
    safety: Safety = field(default_factory=Safety)
    mode: Mode = Mode.ENFORCE
    tokens: Mapping[str, str] = field(default_factory=dict)
    expires_at: datetime | None = None
    """Of the credential `provision`."""

    @property
    def path(self) -> str:
        return f"/{self.key}/scim/v2"

    def token(self, name: str) -> str:
        return self.tokens.get(name, f"{name}-token-of-{self.key}-0123456789")

    def tenant(self) -> Tenant:
        namespace, _, name = self.key.partition("/")
        return Tenant(
            namespace=namespace,
            name=name,
            credentials=(
                BearerCredential(name="provision", expires_at=self.expires_at),
                BearerCredential(name="read", access=Access.READ),
            ),
            roles=tuple(Role(name=role, permissions=CATALOGUE[role]) for role in CATALOGUE),
            base_roles=tuple(self.base_roles),
            fallback_roles=tuple(self.fallback_roles),
            rules=tuple(
                RoleRule(
                    mapping=f"{namespace}/mapping",
                    rule=name,
                    groups=(GroupSelector.model_validate(dict(selector)),),
                    roles=tuple(roles),
                )
                for name, selector, roles in self.rules
            ),
            attributes=tuple(self.attributes),
            deprovisioning=Deprovisioning(deactivation_delay_seconds=self.delay_seconds),
            safety=self.safety,
            mode=self.mode,
        )


def bundle_of(*connections: Connection, revision: int = 1) -> ConfigBundle:
    tenants = tuple(connection.tenant() for connection in connections)
    digests = {
        tenant.credential_key(credential.name): token_digest(connection.token(credential.name).encode(), TOKEN_KEY)
        for connection, tenant in zip(connections, tenants, strict=True)
        for credential in tenant.credentials
    }
    return ConfigBundle(
        config=ServerConfig(revision=revision, tenants=tenants),
        secrets=ServerSecrets(revision=revision, token_key=TOKEN_KEY.hex(), digests=digests),
    )


def with_expiry(bundle: ConfigBundle) -> ConfigBundle:
    """All bearer tokens expire, though not soon."""
    never = datetime(2100, 1, 1, tzinfo=UTC)
    tenants = tuple(
        tenant.model_copy(
            update={"credentials": tuple(one.model_copy(update={"expires_at": never}) for one in tenant.credentials)}
        )
        for tenant in bundle.config.tenants
    )
    return ConfigBundle(config=bundle.config.model_copy(update={"tenants": tenants}), secrets=bundle.secrets)


@asynccontextmanager
async def client_of(
    url: str,
    connection: Connection | None = None,
    credential: str = "provision",
    headers: Mapping[str, str] | None = None,
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a tenant's SCIM root, or of the server's when `connection` is None."""
    connection_headers = {"Authorization": f"Bearer {connection.token(credential)}"} if connection else {}
    async with httpx.AsyncClient(
        base_url=url + (connection.path if connection else ""),
        headers=connection_headers | dict(headers or {}),
        timeout=60,
        trust_env=False,
        verify=TLS,
    ) as client:
        yield client


async def effective_of(reader: httpx.AsyncClient, user_name: str) -> dict[str, Any]:
    """The effective extension of a user, read as an application does."""
    found = (await reader.get("/Users", params={"filter": f'userName eq "{user_name}"'})).json()
    assert found["totalResults"] == 1, found
    extension: dict[str, Any] = found["Resources"][0][EFFECTIVE]
    return extension


async def roles_of(reader: httpx.AsyncClient, user_name: str) -> list[str]:
    return [role["value"] for role in (await effective_of(reader, user_name))["roles"]]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """The mark `databases` says on which kinds a test runs; without it on both."""
    if "database_kind" in metafunc.fixturenames:
        mark = metafunc.definition.get_closest_marker("databases")
        metafunc.parametrize("database_kind", ("sqlite", "postgresql") if mark is None else mark.args)


@pytest.fixture
def database_url(database_kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database without rows, of the newest schema. Each test that uses it runs on both kinds, or those that its
    mark `databases` names."""
    if database_kind == "sqlite":
        yield make_sqlite(tmp_path / "scim.db")
    else:
        server: PostgresServer = request.getfixturevalue("postgres_server")
        name = server.create_database(request.getfixturevalue("migrated_postgres"))
        yield server.dsn(name)
        server.drop_database(name)


@pytest.fixture(scope="session")
def migrated_postgres(postgres_server: PostgresServer) -> str:
    """What `database_url` copies: the name of a database."""
    name = postgres_server.create_database()
    migrate(postgres_server.dsn(name))
    return name


@pytest.fixture
def management_token_file(tmp_path: Path) -> Path:
    path = tmp_path / "management-token"
    path.write_text(MANAGEMENT_TOKEN + "\n")
    return path


@pytest.fixture
async def bare_server(database_url: str, management_token_file: Path) -> AsyncIterator[Server]:
    """A server that has no configuration yet."""
    settings = ServerSettings(
        database=database_url, port=0, management_port=0, management_token_file=management_token_file
    )
    async with Server(settings) as server:
        yield server


@pytest.fixture
def connection() -> Connection:
    return Connection()


@pytest.fixture
async def server(bare_server: Server, connection: Connection) -> Server:
    """A server that runs `connection`."""
    await bare_server.intake.offer(bundle_of(connection), "test")
    assert await bare_server.applier.wait_applied(1, 10)
    return bare_server


@pytest.fixture
async def provider(server: Server, connection: Connection) -> AsyncIterator[httpx.AsyncClient]:
    """The identity provider."""
    async with client_of(server.url, connection) as client:
        yield client


@pytest.fixture
async def application(server: Server, connection: Connection) -> AsyncIterator[httpx.AsyncClient]:
    """An application with a credential of access Read."""
    async with client_of(server.url, connection, "read") as client:
        yield client


@pytest.fixture
async def management(bare_server: Server) -> AsyncIterator[httpx.AsyncClient]:
    """The operator, at the management port."""
    async with client_of(bare_server.management_url, headers=MANAGEMENT_HEADERS) as client:
        yield client
