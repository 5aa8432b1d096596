"""Key sets: what is taken, what is left out, what is refused, and that nothing private passes."""

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from scim_server.config import SigningAlgorithm, parse_key_set, private_members

_RSA = rsa.generate_private_key(65537, 2048)


def _jwk_of(key: Any, **more: Any) -> dict[str, Any]:
    writer: Any = RSAAlgorithm
    if isinstance(key, ec.EllipticCurvePublicKey | ec.EllipticCurvePrivateKey):
        writer = ECAlgorithm
    elif isinstance(key, ed25519.Ed25519PublicKey | ed25519.Ed25519PrivateKey):
        writer = OKPAlgorithm
    written: dict[str, Any] = writer.to_jwk(key, as_dict=True)
    written.pop("key_ops", None)
    return written | more


def _set(*keys: Any) -> bytes:
    return json.dumps({"keys": keys}).encode()


def test_every_supported_kind_says_what_it_can_verify() -> None:
    keys = parse_key_set(
        _set(
            _jwk_of(_RSA.public_key(), kid="r", use="sig", x5c=["..."], x5t="..."),
            _jwk_of(ec.generate_private_key(ec.SECP256R1()).public_key(), kid="e"),
            _jwk_of(ec.generate_private_key(ec.SECP384R1()).public_key(), kid="f"),
            _jwk_of(ed25519.Ed25519PrivateKey.generate().public_key(), kid="o"),
        )
    )
    assert [(key.kid, sorted(key.algorithms)) for key in keys] == [
        ("r", ["PS256", "RS256", "RS384", "RS512"]),
        ("e", ["ES256"]),
        ("f", ["ES384"]),
        ("o", ["EdDSA"]),
    ]


def test_a_key_that_names_its_algorithm_verifies_no_other() -> None:
    (key,) = parse_key_set(_set(_jwk_of(_RSA.public_key(), alg="RS256")))
    assert key.algorithms == {SigningAlgorithm.RS256}


def test_keys_that_cannot_verify_are_left_out() -> None:
    keys = parse_key_set(
        _set(
            _jwk_of(_RSA.public_key(), kid="encrypts", use="enc"),
            _jwk_of(_RSA.public_key(), kid="wraps", key_ops=["wrapKey"]),
            _jwk_of(_RSA.public_key(), kid="decrypts", alg="RSA-OAEP"),
            {"kty": "oct", "k": "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T", "kid": "symmetric"},
            _jwk_of(rsa.generate_private_key(65537, 1024).public_key(), kid="short"),
            _jwk_of(ec.generate_private_key(ec.SECP521R1()).public_key(), kid="curve"),
            "nonsense",
            _jwk_of(_RSA.public_key(), kid="good"),
        )
    )
    assert [key.kid for key in keys] == ["good"]


def test_of_a_private_key_only_the_public_part_is_read() -> None:
    body = _set(_jwk_of(_RSA, kid="mine"))
    assert private_members(body)
    (key,) = parse_key_set(body)
    assert set(key.model_dump(exclude_none=True)) == {"kty", "kid", "n", "e"}
    assert not private_members(_set(_jwk_of(_RSA.public_key())))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"not json", "JSON object"),
        (b"[]", 'a list "keys"'),
        (b'{"keys": {}}', 'a list "keys"'),
        (b'{"keys": []}', "the set is empty"),
        (_set({"kty": "oct", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0"}), r"keys\[0\]: kty"),
        (_set({"kty": "RSA", "n": "AQAB", "e": "AQAB"}), "n has 17 bits; 2048"),
        pytest.param(_set(_jwk_of(_RSA.public_key(), e="Ag")), "e is expected to be an odd number", id="even e"),
        (_set({"kty": "EC", "crv": "P-256", "x": "AAAA", "y": "AAAA"}), "x of P-256 has 32 bytes"),
        (_set({"kty": "EC", "crv": "Ed25519", "x": "AAAA"}), "kty EC with crv Ed25519 is not supported"),
        (_set({"kty": "OKP", "crv": "Ed25519"}), "a key of kty OKP has x"),
        (_set(*({"kty": "RSA"},) * 65), "65 keys are too many; at most 64"),
    ],
)
def test_a_set_without_a_usable_key_is_refused(body: bytes, expected: str) -> None:
    with pytest.raises(ValueError, match=expected) as refused:
        parse_key_set(body)
    assert "c2VjcmV0" not in str(refused.value)


_JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3))


@pytest.mark.parametrize("member", ["kty", "kid", "use", "key_ops", "alg", "crv", "n", "e", "x", "y"])
@given(value=_JSON | st.just({}))
def test_a_key_with_any_member_is_read_or_left_out(member: str, value: Any) -> None:
    other = _jwk_of(_RSA.public_key(), kid="other")
    body = _set(_jwk_of(_RSA.public_key()) | {member: value}, other)
    assert parse_key_set(body)[-1].kid == "other"
    assert not private_members(body)
