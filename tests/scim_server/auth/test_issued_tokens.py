"""Tokens of JWT issuers: which are taken, and the ways in which forged ones are not."""

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from scim_server.auth.authenticator import Authenticator
from scim_server.config import Access, JwtIssuer, SigningAlgorithm
from tests.scim_server.auth.authenticators import ask, authenticator, tenant, why_not
from tests.support.issuer import FromNow, Key, claims_of, encode, jwks

ISSUER = "https://sts.windows.net/0f0f/"
AUDIENCE = "8adf8e6e-67b2-4cf2-a259-e3dc5476c621"
OTHER_ISSUER = "https://other.example/"
KEYS = {algorithm.value: Key.new(f"key-{algorithm}", algorithm) for algorithm in SigningAlgorithm}
RS256 = KEYS["RS256"]
OTHER = Key.new("other", "RS256")


def _issuer(**changes: Any) -> JwtIssuer:
    fields: dict[str, Any] = {"name": "entra", "issuer": ISSUER, "audiences": (AUDIENCE,), "jwks": jwks(RS256)}
    return JwtIssuer(**(fields | changes))


@pytest.fixture
def who() -> Authenticator:
    return authenticator(
        tenant("acme/entra", jwt_issuers=(_issuer(),)),
        tenant("beta/other", jwt_issuers=(_issuer(name="o", issuer=OTHER_ISSUER, jwks=jwks(OTHER)),)),
    )


async def _taken(who: Authenticator, token: str | bytes, key: str = "acme/entra") -> bool:
    text = token.encode() if isinstance(token, str) else token
    return await ask(who, key, b"Bearer " + text) is not None


def _good(**changes: Any) -> dict[str, Any]:
    return claims_of(ISSUER, AUDIENCE, **changes)


async def test_a_good_token_is_the_credential_of_that_name(who: Authenticator) -> None:
    found = await ask(who, "acme/entra", "Bearer " + RS256.sign(_good()))
    assert found is not None
    assert (found.tenant_key, found.credential, found.access) == ("acme/entra", "entra", Access.PROVISION)


@pytest.mark.parametrize("algorithm", KEYS)
async def test_every_algorithm_verifies_when_it_is_pinned_and_only_then(algorithm: str) -> None:
    key = KEYS[algorithm]
    for pinned in SigningAlgorithm:
        who = authenticator(tenant("acme/entra", jwt_issuers=(_issuer(jwks=jwks(key), algorithms=(pinned,)),)))
        assert await _taken(who, key.sign(_good())) == (pinned == algorithm)


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "another application"},
        {"aud": ["another application"]},
        {"aud": None},
        {"aud": {AUDIENCE: True}},
        {"aud": AUDIENCE + " "},
        {"iss": OTHER_ISSUER},
        {"iss": ISSUER.rstrip("/")},
        {"iss": None},
        {"iss": [ISSUER]},
        {"exp": FromNow(-120)},
        {"exp": None},
        {"exp": "4102444800"},
        {"exp": True},
        {"nbf": FromNow(300)},
        {"nbf": "now"},
        {"iat": FromNow(300)},
    ],
    ids=repr,
)
async def test_claims_that_are_wrong(who: Authenticator, changes: dict[str, Any]) -> None:
    assert not await _taken(who, RS256.sign(_good(**changes)))


async def test_an_audience_among_others_and_clocks_that_differ_a_little(who: Authenticator) -> None:
    assert await _taken(who, RS256.sign(_good(aud=["x", AUDIENCE])))
    assert await _taken(who, RS256.sign(_good(exp=FromNow(-30))))
    assert await _taken(who, RS256.sign(_good(nbf=FromNow(30), iat=FromNow(30))))
    assert await _taken(who, RS256.sign(_good(nbf=None, iat=None)))


async def test_required_claims_and_subject() -> None:
    issuer = _issuer(subject="sync", required_claims={"appid": "00000014", "roles": "scim"})
    who = authenticator(tenant("acme/entra", jwt_issuers=(issuer,)))
    right = {"sub": "sync", "appid": "00000014", "roles": ["x", "scim"]}
    assert await _taken(who, RS256.sign(_good(**right)))
    wrongs: tuple[dict[str, Any], ...] = (
        {"sub": "other"},
        {"sub": None},
        {"appid": "00000015"},
        {"appid": 14},
        {"appid": None},
        {"roles": []},
        {"roles": "no scim"},
        {"roles": {"scim": 1}},
    )
    for wrong in wrongs:
        assert not await _taken(who, RS256.sign(_good(**(right | wrong)))), wrong


async def test_no_signature(who: Authenticator) -> None:
    for algorithm in ("none", "None", "NONE", ""):
        unsigned = f"{encode({'alg': algorithm, 'kid': RS256.kid})}.{encode(_good())}."
        assert not await _taken(who, unsigned)
    header, claims, _ = RS256.sign(_good()).split(".")
    assert not await _taken(who, f"{header}.{claims}.")
    assert not await _taken(who, f"{header}.{claims}")


async def test_the_public_key_is_no_shared_secret(who: Authenticator) -> None:
    """HS256 "signed" with what everybody can read: the classic confusion of algorithms (RFC 8725 §2.1)."""
    public = RS256.private.public_key()
    for secret in (
        public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        json.dumps(RS256.public).encode(),
        RS256.public["n"].encode(),
    ):
        signed = f"{encode({'alg': 'HS256', 'typ': 'JWT', 'kid': RS256.kid})}.{encode(_good())}"
        code = hmac.digest(secret, signed.encode(), hashlib.sha256)
        assert not await _taken(who, f"{signed}.{base64.urlsafe_b64encode(code).rstrip(b'=').decode()}")


async def test_a_key_signs_only_with_its_own_algorithm() -> None:
    """The token says RS384, and the issuer pins it too, but the key is published for RS256."""
    public = RS256.public | {"alg": "RS256"}
    issuer = JwtIssuer.model_validate(
        {
            "name": "i",
            "issuer": ISSUER,
            "audiences": [AUDIENCE],
            "algorithms": ["RS256", "RS384"],
            "jwks": [{name: public[name] for name in ("kty", "kid", "n", "e", "alg")}],
        }
    )
    who = authenticator(tenant("acme/entra", jwt_issuers=(issuer,)))
    assert await _taken(who, RS256.sign(_good()))
    assert not await _taken(who, Key(RS256.kid, "RS384", RS256.private).sign(_good()))


async def test_keys_that_the_token_brings_itself_are_not_used(who: Authenticator) -> None:
    forger = Key.new(RS256.kid)
    for header in (
        {},
        {"jwk": forger.public},
        {"jku": "https://evil.example/keys"},
        {"x5u": "https://evil.example/"},
    ):
        assert not await _taken(who, forger.sign(_good(), **header))


async def test_a_kid_of_another_issuer_does_not_choose_its_key(who: Authenticator) -> None:
    assert not await _taken(who, OTHER.sign(_good()))
    assert not await _taken(who, OTHER.sign(_good(), kid=RS256.kid))
    assert not await _taken(who, RS256.sign(_good(), kid=OTHER.kid))


async def test_without_a_kid_the_keys_are_tried() -> None:
    others = [Key.new(f"other-{number}", "ES256") for number in range(3)]
    mine = Key.new("mine", "ES256")
    issuer = _issuer(jwks=jwks(*others, mine), algorithms=("ES256",))
    who = authenticator(tenant("acme/entra", jwt_issuers=(issuer,)))
    assert await _taken(who, mine.sign(_good(), kid=None))
    assert not await _taken(who, Key.new("forged", "ES256").sign(_good(), kid=None))


async def test_one_tenants_token_is_nothing_to_another(who: Authenticator) -> None:
    mine = RS256.sign(_good())
    theirs = OTHER.sign(claims_of(OTHER_ISSUER, AUDIENCE))
    assert await _taken(who, mine, "acme/entra")
    assert await _taken(who, theirs, "beta/other")
    assert not await _taken(who, mine, "beta/other")
    assert not await _taken(who, theirs, "acme/entra")
    assert not await _taken(who, mine, "acme/none")
    assert not await _taken(who, OTHER.sign(_good()), "beta/other")


async def test_two_tenants_that_name_one_issuer_have_each_its_own_keys() -> None:
    """Whoever writes a configuration can name any issuer: its keys must not count for the tenant next door."""
    who = authenticator(
        tenant("acme/entra", jwt_issuers=(_issuer(),)), tenant("evil/entra", jwt_issuers=(_issuer(jwks=jwks(OTHER)),))
    )
    assert await _taken(who, OTHER.sign(_good()), "evil/entra")
    assert not await _taken(who, OTHER.sign(_good()), "acme/entra")


@pytest.mark.parametrize("header", [{"crit": ["exp"]}, {"crit": []}, {"crit": ["b64"], "b64": False}, {"b64": True}])
async def test_critical_headers_are_not_understood(who: Authenticator, header: dict[str, Any]) -> None:
    assert not await _taken(who, RS256.sign(_good(), **header))


@pytest.mark.parametrize(
    ("typ", "taken"),
    [(None, True), ("JWT", True), ("at+jwt", True), ("application/at+jwt", True), ("logout+jwt", False), (1, False)],
)
async def test_only_access_tokens_are_access_tokens(who: Authenticator, typ: Any, taken: bool) -> None:
    assert await _taken(who, RS256.sign(_good(), typ=typ)) == taken


async def test_an_oversized_token_is_not_looked_at(who: Authenticator) -> None:
    assert await _taken(who, RS256.sign(_good(groups=["g" * 36] * 200)))
    assert not await _taken(who, RS256.sign(_good(groups=["g" * 36] * 400)))


@pytest.mark.parametrize(
    "token",
    [
        b"", b".", b"..", b"...", b"a.b.c", b"e30.e30.", b"e30.W10.e30", b"\xff.\xff.\xff", b"e30=.e30=.e30=",
        b"eyJhbGciOlsiUlMyNTYiXX0.e30.e30", b"eyJhbGciOiJSUzI1NiIsImtpZCI6e319.e30.e30",
    ],
)  # fmt: skip
async def test_nonsense(who: Authenticator, token: bytes) -> None:
    assert not await _taken(who, token)


async def test_a_changed_token(who: Authenticator) -> None:
    token = RS256.sign(_good())
    header, claims, signature = token.split(".")
    elevated = encode(_good(exp=FromNow(10**9)))
    assert not await _taken(who, f"{header}.{elevated}.{signature}")
    other_header = encode({"alg": "RS256", "kid": RS256.kid, "x": 1})
    assert not await _taken(who, f"{other_header}.{claims}.{signature}")


@pytest.mark.parametrize("people", ["a", "z"])
async def test_a_token_by_which_two_may_act_is_that_of_the_one_who_may_do_more(people: str) -> None:
    """The provider's own tokens and its users' are often for one audience; a claim tells the provider's."""
    who = authenticator(
        tenant(
            "acme/entra",
            jwt_issuers=(
                _issuer(required_claims={"appid": "sync"}),
                _issuer(name=people, access=Access.SELF, user_name_claim="upn"),
            ),
        )
    )
    provider = await ask(who, "acme/entra", "Bearer " + RS256.sign(_good(appid="sync", upn="ann@acme.com")))
    user = await ask(who, "acme/entra", "Bearer " + RS256.sign(_good(upn="ann@acme.com")))
    assert provider is not None
    assert user is not None
    assert (provider.credential, provider.access, provider.user_name) == ("entra", Access.PROVISION, None)
    assert (user.credential, user.access, user.user_name) == (people, Access.SELF, "ann@acme.com")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"aud": "x"}, "aud holds none of audiences"),
        ({"exp": FromNow(-120)}, "exp is past"),
        ({"exp": None}, "exp is missing or no number"),
        ({"nbf": FromNow(300)}, "nbf is in the future"),
        ({"iat": "now"}, "iat is no number"),
        ({"sub": "ann@acme.com"}, "sub isn't subject"),
        ({"appid": "00000015"}, "appid hasn't the value of requiredClaims"),
    ],
)
async def test_the_reason_names_the_claim_that_is_wrong(changes: dict[str, Any], reason: str) -> None:
    issuer = _issuer(subject="sync", required_claims={"appid": "00000014"})
    who = authenticator(tenant("acme/entra", jwt_issuers=(issuer,)))
    token = RS256.sign(_good(**({"sub": "sync", "appid": "00000014"} | changes)))
    assert await why_not(who, "acme/entra", "Bearer " + token) == ("acme/entra", f"entra: {reason}")


async def test_the_reason_names_what_is_wrong_with_the_signature(who: Authenticator) -> None:
    header, claims, _ = RS256.sign(_good()).split(".")
    reasons = {
        RS256.sign(_good(iss="https://unknown.example/")): "iss isn't that of any issuer of the tenant",
        OTHER.sign(_good()): "entra: there is no key for its kid and alg",
        f"{header}.{claims}.e30": "entra: the signature is wrong",
        KEYS["ES256"].sign(_good()): "entra: alg ES256 isn't among algorithms",
        RS256.sign(
            _good(), typ="logout+jwt"
        ): "its form, alg, typ or kid isn't one that is taken, or it has crit or b64",
    }
    for token, reason in reasons.items():
        assert await why_not(who, "acme/entra", "Bearer " + token) == ("acme/entra", reason)


async def test_of_several_credentials_with_one_issuer_each_has_its_reason() -> None:
    issuers = (_issuer(audiences=("a",)), _issuer(name="people", required_claims={"appid": "1"}))
    who = authenticator(tenant("acme/entra", jwt_issuers=issuers))
    _, reason = await why_not(who, "acme/entra", "Bearer " + RS256.sign(_good()))
    assert reason == "entra: aud holds none of audiences; people: appid hasn't the value of requiredClaims"


async def test_there_is_a_reason_without_a_tenant_and_for_what_is_no_jwt(who: Authenticator) -> None:
    assert await why_not(who, "no/body", "Bearer " + RS256.sign(_good())) == ("", "unknown tenant")
    assert await why_not(who, "acme/entra", "Bearer wrong") == ("acme/entra", "unknown token")
