"""Passwords, JWT issuers and OAuth clients: from the spec and its Secrets to what is delivered."""

import json
from typing import Any

import pytest

from scim_operator.api import InvalidObject, ObjectKey, ProvisioningConfig
from scim_operator.plan import CredentialStatus, TenantPlan, secret_refs
from scim_server.config import (
    Access,
    ConfigBundle,
    JwtIssuer,
    OAuthClient,
    PublicJwk,
    ServerConfig,
    ServerSecrets,
    pair_digest,
)
from tests.scim_operator.objects import config
from tests.scim_operator.plan.inputs import TOKEN, TOKEN_KEY, plan
from tests.support.issuer import Key, jwks

PASSWORD = b"password-of-twenty-bytes"
KEY = Key.new("k", "ES256")
KEY_SET = json.dumps({"keys": [KEY.public]}).encode()
SECRET = ObjectKey("acme", "s")
SECRETS = {
    SECRET: {"token": TOKEN, "username": b"sync", "password": PASSWORD, "clientSecret": PASSWORD, "jwks": KEY_SET}
}

BASIC = {"name": "basic", "secretRef": {"name": "s"}}
BY_URL = {"name": "by-url", "issuer": "i", "audiences": ["b", "a", "b"], "jwksURL": "https://idp.example/keys"}
BY_KEYS = {"name": "by-keys", "issuer": "i", "audiences": ["a"], "jwksSecretRef": {"name": "s"}}
BY_SECRET = {"name": "client", "clientId": "ping", "secretRef": {"name": "s"}, "access": "Read"}
SIGNING = {"name": "signing", "clientId": "ipsie", "jwksSecretRef": {"name": "s"}}


def of(**kinds: Any) -> ProvisioningConfig:
    return config(authentication=kinds)


def planned_of(secrets: dict[str, bytes] | None = None, **kinds: Any) -> TenantPlan:
    return plan(config=of(**kinds), secrets={SECRET: SECRETS[SECRET] | (secrets or {})})


def problem(planned: TenantPlan) -> tuple[str, str, str]:
    assert planned.config_verdict is not None
    (found,) = planned.config_verdict.problems
    return found.field, found.reason, found.message


def test_all_kinds_are_delivered_and_fit_the_contract() -> None:
    planned = planned_of(
        bearerTokens=[{"name": "token", "secretRef": {"name": "s"}}],
        basic=[BASIC],
        jwt=[BY_URL, BY_KEYS],
        oauthClients=[BY_SECRET, SIGNING],
    )
    tenant = planned.tenant
    assert tenant is not None
    assert tenant.jwt_issuers == (
        JwtIssuer(name="by-keys", issuer="i", audiences=("a",), jwks=jwks(KEY)),
        JwtIssuer(name="by-url", issuer="i", audiences=("a", "b"), jwks_url="https://idp.example/keys"),
    )
    assert tenant.oauth_clients == (
        OAuthClient(name="client", client_id="ping", access=Access.READ),
        OAuthClient(name="signing", client_id="ipsie", jwks=jwks(KEY)),
    )
    assert planned.digests["acme/okta/basic"] == pair_digest(b"sync", PASSWORD, TOKEN_KEY)
    assert planned.digests["acme/okta/client"] == pair_digest(b"ping", PASSWORD, TOKEN_KEY)
    assert set(planned.digests) == {f"acme/okta/{name}" for name in ("token", "basic", "client")}
    secrets = ServerSecrets(revision=1, token_key=TOKEN_KEY.hex(), digests=dict(planned.digests))
    bundle = ConfigBundle.of(ServerConfig(revision=1, tenants=(tenant,)), secrets)
    assert ConfigBundle.decode(bundle.encode()) == bundle
    assert PASSWORD not in bundle.encode()
    assert planned.config_verdict is not None
    assert planned.config_verdict.credentials == tuple(
        CredentialStatus(name, None) for name in ("basic", "by-keys", "by-url", "client", "signing", "token")
    )


def test_credentials_stand_for_the_users_that_they_name() -> None:
    ann: dict[str, Any] = {"access": "Self", "userName": "ann@acme.com"}
    tenant = planned_of(
        bearerTokens=[{"name": "token", "secretRef": {"name": "s"}, **ann}],
        basic=[BASIC | ann],
        jwt=[BY_URL | {"access": "Self", "userNameClaim": "upn"}],
        oauthClients=[BY_SECRET | ann, SIGNING | ann],
    ).tenant
    assert tenant is not None
    assert {one.access for one in tenant.all_credentials} == {Access.SELF}
    bound = [*tenant.credentials, *tenant.basic_credentials, *tenant.oauth_clients]
    assert [one.user_name for one in bound] == ["ann@acme.com"] * 4
    assert tenant.jwt_issuers[0].user_name_claim == "upn"


def test_the_order_of_credentials_makes_no_difference() -> None:
    one = planned_of(jwt=[BY_URL, BY_KEYS], oauthClients=[BY_SECRET, SIGNING])
    other = planned_of(jwt=[BY_KEYS, BY_URL | {"audiences": ["a", "b"]}], oauthClients=[SIGNING, BY_SECRET])
    assert one == other


def test_every_secret_is_a_reference() -> None:
    named = of(
        basic=[BASIC | {"secretRef": {"name": "a"}}],
        jwt=[BY_URL, BY_KEYS | {"jwksSecretRef": {"name": "b"}}],
        oauthClients=[BY_SECRET | {"secretRef": {"name": "c"}}, SIGNING | {"jwksSecretRef": {"name": "d"}}],
    )
    assert secret_refs(named) == {ObjectKey("acme", name) for name in "abcd"}


@pytest.mark.parametrize(
    ("kinds", "field"),
    [
        ({"basic": [BASIC | {"secretRef": {"name": "gone"}}]}, "basic[0].secretRef.name"),
        ({"jwt": [BY_KEYS | {"jwksSecretRef": {"name": "gone"}}]}, "jwt[0].jwksSecretRef.name"),
        ({"oauthClients": [BY_SECRET | {"secretRef": {"name": "gone"}}]}, "oauthClients[0].secretRef.name"),
        ({"oauthClients": [SIGNING | {"jwksSecretRef": {"name": "gone"}}]}, "oauthClients[0].jwksSecretRef.name"),
    ],
)
def test_a_missing_secret_is_named(kinds: dict[str, Any], field: str) -> None:
    found, reason, message = problem(planned_of(**kinds))
    assert (found, reason) == (f"spec.authentication.{field}", "SecretNotFound")
    assert "Secret acme/gone was not found" in message


@pytest.mark.parametrize(
    ("ref", "field"), [({"usernameKey": "x"}, "usernameKey"), ({"passwordKey": "x"}, "passwordKey")]
)
def test_a_missing_key_is_named(ref: dict[str, str], field: str) -> None:
    found, reason, message = problem(planned_of(basic=[BASIC | {"secretRef": {"name": "s"} | ref}]))
    assert (found, reason) == (f"spec.authentication.basic[0].secretRef.{field}", "SecretKeyNotFound")
    assert message == 'credential "basic": Secret acme/s has no key "x"'


def test_one_password_does_not_both_write_and_read_only() -> None:
    planned = planned_of(basic=[BASIC, BASIC | {"name": "reads", "access": "Read"}])
    assert planned.tenant is not None
    assert [one.name for one in planned.tenant.basic_credentials] == ["reads"]
    assert problem(planned)[:2] == ("spec.authentication.basic[0].secretRef", "SecretShared")


PRIVATE = {"keys": [KEY.public | {"d": "c2VjcmV0LXNlY3JldA"}]}


@pytest.mark.parametrize(
    ("kinds", "secrets", "reason", "message"),
    [
        ({"basic": [BASIC]}, {"password": b"short-secret\n"}, "PasswordTooShort", "the secret has 12 bytes"),
        ({"basic": [BASIC]}, {"username": b""}, "PasswordUnusable", "the user name is empty"),
        ({"basic": [BASIC]}, {"username": b"a:secret"}, "PasswordUnusable", "has a colon"),
        ({"basic": [BASIC]}, {"password": PASSWORD + b"\nsecret"}, "PasswordUnusable", "a control character"),
        ({"basic": [BASIC]}, {"password": b"secret" * 1000}, "PasswordUnusable", "6000 bytes; at most 3072"),
        ({"basic": [BASIC]}, {"username": b"secret" * 1000}, "PasswordUnusable", "empty or too long"),
        ({"oauthClients": [BY_SECRET]}, {"clientSecret": b"secret" * 1000}, "PasswordUnusable", "at most 3072"),
        ({"oauthClients": [BY_SECRET]}, {"clientSecret": b"short-secret"}, "PasswordTooShort", "12 bytes"),
        ({"oauthClients": [BY_SECRET]}, {"clientSecret": PASSWORD + b"\0secret"}, "PasswordUnusable", "control"),
        ({"oauthClients": [SIGNING]}, {"jwks": b"secret"}, "KeySetUnusable", "a JSON Web Key Set is expected"),
        ({"jwt": [BY_KEYS]}, {"jwks": b'{"keys": []}'}, "KeySetUnusable", "no key can verify"),
        ({"jwt": [BY_KEYS]}, {"jwks": json.dumps(PRIVATE).encode()}, "KeySetUnusable", "private or symmetric keys"),
        (
            {"jwt": [BY_KEYS]},
            {"jwks": b'{"keys": [{"kty": "oct", "k": "c2VjcmV0LXNlY3JldA"}]}'},
            "KeySetUnusable",
            "private or symmetric keys",
        ),
    ],
)
def test_what_cannot_be_used_says_why_without_showing_it(
    kinds: dict[str, Any], secrets: dict[str, bytes], reason: str, message: str
) -> None:
    planned = planned_of(secrets, **kinds)
    _, found, said = problem(planned)
    assert found == reason
    assert message in said
    assert "secret" not in said.replace("the secret has", "").replace("client secret", "").replace("clientSecret", "")
    assert "c2VjcmV0" not in said
    assert planned.tenant is not None
    assert not planned.tenant.all_credentials
    assert planned.config_verdict is not None
    assert planned.config_verdict.resolved_refs.status == "False"


def test_a_spec_that_no_longer_parses_keeps_what_is_delivered() -> None:
    before = planned_of(basic=[BASIC], jwt=[BY_KEYS], oauthClients=[BY_SECRET, SIGNING])
    after = plan(config=None, invalid="broken", previous=before.tenant, previous_digests=before.digests)
    assert (after.tenant, after.digests) == (before.tenant, before.digests)


def test_delivered_credentials_without_their_digests_are_dropped_and_the_others_stay() -> None:
    before = planned_of(basic=[BASIC], jwt=[BY_KEYS], oauthClients=[BY_SECRET, SIGNING])
    after = plan(config=None, invalid="broken", previous=before.tenant, previous_digests={})
    assert after.tenant is not None
    assert {one.name for one in after.tenant.all_credentials} == {"by-keys", "signing"}


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        ({}, "spec.authentication: at least one credential"),
        ({"basic": [BASIC], "jwt": [BY_URL | {"name": "basic"}]}, "credential 'basic' appears more than once"),
        ({"oauthClients": [BY_SECRET, SIGNING | {"clientId": "ping"}]}, "clientId 'ping' appears more than once"),
        ({"jwt": [BY_URL | {"jwksSecretRef": {"name": "s"}}]}, "exactly one of jwksURL and jwksSecretRef"),
        ({"jwt": [BY_URL | {"jwksURL": "http://idp.example/"}]}, "spec.authentication.jwt[0].jwksURL: https is"),
        ({"jwt": [BY_URL | {"algorithms": ["none"]}]}, "spec.authentication.jwt[0].algorithms[0]"),
        ({"jwt": [BY_URL | {"audiences": []}]}, "spec.authentication.jwt[0].audiences"),
        ({"oauthClients": [SIGNING | {"secretRef": {"name": "s"}}]}, "exactly one of secretRef, jwksSecretRef"),
        ({"oauthClients": [{"name": "x", "clientId": "x"}]}, "exactly one of secretRef, jwksSecretRef"),
    ],
)
def test_a_spec_that_says_too_much_or_too_little(kinds: dict[str, Any], expected: str) -> None:
    with pytest.raises(InvalidObject) as refused:
        of(**kinds)
    assert expected in str(refused.value)


def test_of_a_key_set_only_what_verifies_is_delivered() -> None:
    documents = [KEY.public | {"x5c": ["certificate"]}, {"kty": "RSA", "use": "enc"}]
    planned = planned_of({"jwks": json.dumps({"keys": documents}).encode()}, jwt=[BY_KEYS])
    assert planned.tenant is not None
    (issuer,) = planned.tenant.jwt_issuers
    (key,) = issuer.jwks
    assert isinstance(key, PublicJwk)
    assert set(key.model_dump(exclude_none=True)) == {"kty", "kid", "crv", "x", "y"}
