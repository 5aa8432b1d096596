"""Credentials in the contract: what fits together, and that documents without the newer kinds keep their bytes."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from scim_server.config import (
    Access,
    ConfigBundle,
    ConfigError,
    JwtIssuer,
    ServerConfig,
    ServerSecrets,
    Tenant,
    TokenTooShort,
    check_jwks_url,
    pair_digest,
)

_KEY = bytes(32)
_ISSUER = {
    "name": "entra",
    "issuer": "https://idp.example/",
    "audiences": ["scim"],
    "jwksUrl": "https://idp.example/k",
}


def _tenant(**fields: Any) -> Tenant:
    return Tenant.model_validate({"namespace": "acme", "name": "okta", **fields})


def _bundle(tenant: Tenant, *names: str) -> ConfigBundle:
    digests = {tenant.credential_key(name): "0" * 64 for name in names}
    secrets = ServerSecrets(revision=1, token_key="0" * 64, digests=digests)
    return ConfigBundle.of(ServerConfig(revision=1, tenants=(tenant,)), secrets)


def test_what_uses_no_newer_kind_is_written_as_before_they_existed() -> None:
    written = orjson.loads(_bundle(_tenant(credentials=[{"name": "t"}]), "t").encode())["config"]["tenants"][0]
    assert not written.keys() & {"basicCredentials", "jwtIssuers", "oauthClients"}
    assert "userName" not in written["credentials"][0]


@pytest.mark.parametrize(
    ("kind", "credential", "field"),
    [
        ("credentials", {"name": "one"}, "userName"),
        ("basicCredentials", {"name": "one"}, "userName"),
        ("oauthClients", {"name": "one", "clientId": "one"}, "userName"),
        ("jwtIssuers", _ISSUER, "userNameClaim"),
    ],
)
def test_access_to_oneself_needs_somebody(kind: str, credential: dict[str, Any], field: str) -> None:
    _tenant(**{kind: [credential | {"access": "Self", field: "ann"}]})
    for missing in ({}, {field: None}):
        with pytest.raises(ValidationError, match=f"access Self needs {field}$|access Self needs {field} "):
            _tenant(**{kind: [credential | {"access": "Self"} | missing]})
    for wrong in ("", "x" * 513, 7):
        with pytest.raises(ValidationError, match=field):
            _tenant(**{kind: [credential | {field: wrong}]})


def test_the_narrower_access_of_two() -> None:
    order = [Access.PROVISION, Access.READ, Access.SELF]
    for wide, one in enumerate(order):
        for narrow, other in enumerate(order):
            assert one.within(other) is order[max(wide, narrow)]


def test_all_kinds_survive_encoding() -> None:
    tenant = _tenant(
        credentials=[{"name": "token", "userName": "ann", "access": "Self"}],
        basicCredentials=[{"name": "basic", "access": "Read", "expiresAt": "2027-01-01T00:00:00Z"}],
        jwtIssuers=[{**_ISSUER, "requiredClaims": {"appid": "1"}, "algorithms": ["ES256"], "userNameClaim": "upn"}],
        oauthClients=[
            {"name": "secret", "clientId": "a"},
            {"name": "keys", "clientId": "b", "jwksUrl": "https://c/k"},
        ],
    )
    bundle = _bundle(tenant, "token", "basic", "secret")
    assert ConfigBundle.decode(bundle.encode()) == bundle


@pytest.mark.parametrize("missing", ["token", "basic", "secret"])
def test_each_shared_secret_needs_its_digest(missing: str) -> None:
    tenant = _tenant(
        credentials=[{"name": "token"}],
        basicCredentials=[{"name": "basic"}],
        jwtIssuers=[_ISSUER],
        oauthClients=[{"name": "secret", "clientId": "a"}],
    )
    with pytest.raises(ConfigError, match=f"no digest for credential '{missing}' of acme/okta"):
        _bundle(tenant, *{"token", "basic", "secret"} - {missing})


def test_names_are_unique_over_all_kinds() -> None:
    with pytest.raises(ValidationError, match="credentials: 'entra' appears more than once"):
        _tenant(credentials=[{"name": "entra"}], jwtIssuers=[_ISSUER])


def test_client_ids_are_unique() -> None:
    with pytest.raises(ValidationError, match="oauthClients: 'a' appears more than once"):
        _tenant(oauthClients=[{"name": "1", "clientId": "a"}, {"name": "2", "clientId": "a"}])


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"jwksUrl": None}, "exactly one of jwksUrl and jwks"),
        ({"audiences": []}, "audiences"),
        ({"algorithms": ["none"]}, "algorithms"),
        ({"algorithms": ["HS256"]}, "algorithms"),
        ({"algorithms": []}, "algorithms"),
        ({"issuer": ""}, "issuer"),
    ],
)
def test_an_issuer_that_would_accept_too_much_is_refused(change: dict[str, Any], expected: str) -> None:
    with pytest.raises(ValidationError, match=expected):
        JwtIssuer.model_validate(_ISSUER | change)


@pytest.mark.parametrize(
    "url", ["https://idp.example/keys?p=1", "http://127.0.0.1:8443/keys", "http://[::1]/keys", "http://localhost/k"]
)
def test_keys_come_by_https_or_from_this_machine(url: str) -> None:
    assert check_jwks_url(url) == url


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://idp.example/keys", "https is expected"),
        ("http://127.0.0.1.evil.example/keys", "https is expected"),
        ("http://169.254.169.254/latest", "https is expected"),
        ("ftp://idp.example/keys", "without user name"),
        ("/keys", "without user name"),
        ("https:///keys", "without user name"),
        ("https://user:password@idp.example/keys", "without user name"),
        ("https://idp.example/keys#part", "without user name"),
        ("https://idp.example/ke ys", "without user name"),
        ("HTTPS://idp.example/keys", "without user name"),
        ("https://idp.example\\@evil.example/keys", "without user name"),
        ("https://idp.example:99999/keys", "without user name"),
        ("https://idp.example:port/keys", "without user name"),
    ],
)
def test_other_urls_are_refused(url: str, expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        check_jwks_url(url)


_NAMES = st.binary(min_size=1, max_size=20).filter(lambda name: b"\0" not in name)
_SECRETS = st.binary(min_size=20, max_size=40)


@given(_NAMES, _SECRETS, _NAMES, _SECRETS)
def test_two_pairs_have_one_digest_only_when_they_are_equal(a: bytes, s: bytes, b: bytes, t: bytes) -> None:
    assert (pair_digest(a, s, _KEY) == pair_digest(b, t, _KEY)) == ((a, s) == (b, t))


def test_a_short_password_is_refused_by_its_length_alone() -> None:
    with pytest.raises(TokenTooShort, match="the secret has 7 bytes; at least 20") as refused:
        pair_digest(b"onelogin", b"hunter2", _KEY)
    assert "hunter2" not in str(refused.value)
