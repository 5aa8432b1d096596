"""Static tokens and passwords."""

import base64
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scim_server.auth.authenticator import Authenticator
from scim_server.auth.authorization import Basic, Bearer, parse_authorization
from scim_server.config import Access, BasicCredential, BearerCredential, pair_digest, token_digest
from tests.scim_server.auth.authenticators import TOKEN_KEY, ask, authenticator, tenant

TOKEN = "token-of-acme-0123456789"
PASSWORD = "pässword:of onelogin 0123456789"
EXPIRES = datetime(2027, 1, 1, tzinfo=UTC)


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.fixture
def who() -> Authenticator:
    return authenticator(
        tenant(
            "acme/onelogin",
            credentials=(BearerCredential(name="token"),),
            basic_credentials=(
                BasicCredential(name="basic", access=Access.READ),
                BasicCredential(name="ends", expires_at=EXPIRES),
            ),
        ),
        tenant("beta/onelogin", basic_credentials=(BasicCredential(name="basic"),)),
        tenant("gamma/empty"),
        digests={
            "acme/onelogin/token": token_digest(TOKEN.encode(), TOKEN_KEY),
            "acme/onelogin/basic": pair_digest(b"sync", PASSWORD.encode(), TOKEN_KEY),
            "acme/onelogin/ends": pair_digest(b"ends", PASSWORD.encode(), TOKEN_KEY),
            "beta/onelogin/basic": pair_digest(b"sync", b"another password 0123456789", TOKEN_KEY),
        },
    )


async def test_each_kind_is_the_credential_of_its_name(who: Authenticator) -> None:
    for authorization, name, access in (
        (f"Bearer {TOKEN}", "token", Access.PROVISION),
        (f"bearer  {TOKEN} ", "token", Access.PROVISION),
        (basic("sync", PASSWORD), "basic", Access.READ),
        (basic("sync", PASSWORD).replace("Basic", "BASIC").rstrip("="), "basic", Access.READ),
    ):
        found = await ask(who, "acme/onelogin", authorization)
        assert found is not None, authorization
        assert (found.credential, found.access) == (name, access)


@pytest.mark.parametrize("key", ["acme/onelogin", "beta/onelogin", "gamma/empty", "acme/unknown", "/"])
@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        f"Token {TOKEN}",
        TOKEN,
        f"Bearer {TOKEN}x",
        f"Bearer sync:{PASSWORD}",
        "Bearer sync\0" + PASSWORD,
        "Basic",
        "Basic !!!!",
        "Basic " + base64.b64encode(b"no colon").decode(),
        "Basic " + base64.b64encode(b"sync\0:" + PASSWORD.encode()).decode(),
        basic("sync", ""),
        basic("", PASSWORD),
        basic("Sync", PASSWORD),
        basic("sync:", PASSWORD),
        basic("sync", PASSWORD + "x"),
        basic("token", TOKEN),
        "Bearer " + "x" * 20_000,
    ],
    ids=repr,
)
async def test_nothing_else_is_taken_anywhere(who: Authenticator, key: str, authorization: str | None) -> None:
    assert await ask(who, key, authorization) is None


@pytest.mark.parametrize("least", [Access.READ, Access.SELF])
@pytest.mark.parametrize("reads", ["a", "z"])
async def test_a_secret_that_proves_two_credentials_gives_the_least_access(reads: str, least: Access) -> None:
    """A document that an operator would not write, in either order."""
    more = Access.PROVISION if least is Access.READ else Access.READ
    access = {name: least if name == reads else more for name in ("a", "z")}
    both = authenticator(
        tenant(
            "acme/two",
            credentials=tuple(BearerCredential(name=name, access=access[name], user_name="ann") for name in access),
            basic_credentials=tuple(
                BasicCredential(name="b" + name, access=access[name], user_name="ann") for name in access
            ),
        ),
        digests={f"acme/two/{name}": token_digest(TOKEN.encode(), TOKEN_KEY) for name in access}
        | {f"acme/two/b{name}": pair_digest(b"sync", PASSWORD.encode(), TOKEN_KEY) for name in access},
    )
    for authorization, credential in ((f"Bearer {TOKEN}", reads), (basic("sync", PASSWORD), "b" + reads)):
        found = await ask(both, "acme/two", authorization)
        assert found is not None
        assert (found.credential, found.access, found.user_name) == (credential, least, "ann")


async def test_of_two_credentials_of_one_token_the_one_that_has_not_expired_counts() -> None:
    for first, second in ((EXPIRES, None), (None, EXPIRES)):
        who = authenticator(
            tenant(
                "acme/two",
                credentials=(
                    BearerCredential(name="a", expires_at=first),
                    BearerCredential(name="b", expires_at=second),
                ),
            ),
            digests={f"acme/two/{name}": token_digest(TOKEN.encode(), TOKEN_KEY) for name in "ab"},
        )
        assert await ask(who, "acme/two", f"Bearer {TOKEN}", EXPIRES) is not None


async def test_one_tenants_password_is_nothing_to_another(who: Authenticator) -> None:
    assert await ask(who, "beta/onelogin", basic("sync", PASSWORD)) is None
    assert await ask(who, "acme/onelogin", basic("sync", "another password 0123456789")) is None
    assert await ask(who, "beta/onelogin", basic("sync", "another password 0123456789")) is not None


async def test_a_password_ends_at_its_time(who: Authenticator) -> None:
    before = EXPIRES.replace(year=2026)
    assert await ask(who, "acme/onelogin", basic("ends", PASSWORD), before) is not None
    assert await ask(who, "acme/onelogin", basic("ends", PASSWORD), EXPIRES) is None


@given(st.binary(max_size=40).filter(lambda user: b":" not in user and b"\0" not in user),
       st.binary(max_size=40).filter(lambda password: b"\0" not in password))  # fmt: skip
def test_what_a_client_encodes_is_what_is_read(user: bytes, password: bytes) -> None:
    header = b"Basic " + base64.b64encode(user + b":" + password)
    assert parse_authorization(header) == Basic(user, password)


@given(st.binary(max_size=100))
def test_any_bytes_can_be_read(value: bytes) -> None:
    assert isinstance(parse_authorization(value), Bearer | Basic | None)
    assert isinstance(parse_authorization(b"Basic " + value), Basic | None)
