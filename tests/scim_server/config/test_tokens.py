import pytest

from scim_server.config import MINIMUM_TOKEN_BYTES, TokenTooShort, new_token_key, token_digest


def test_the_digest_is_hmac_sha_256() -> None:
    # RFC 4231, test case 7.
    key = b"\xaa" * 131
    data = (
        b"This is a test using a larger than block-size key and a larger than block-size data."
        b" The key needs to be hashed before being used by the HMAC algorithm."
    )

    assert token_digest(data, key) == "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"


def test_digests_depend_on_token_and_key() -> None:
    token, key = b"x" * MINIMUM_TOKEN_BYTES, new_token_key()

    assert token_digest(token, key) == token_digest(token, key)
    assert token_digest(token, key) != token_digest(token + b"x", key)
    assert token_digest(token, key) != token_digest(token, new_token_key())


def test_a_short_token_is_refused_by_its_length_alone() -> None:
    token = b"tell-no-one"

    with pytest.raises(TokenTooShort, match="the token has 11 bytes; at least 20 are needed") as caught:
        token_digest(token, new_token_key())

    assert "tell" not in str(caught.value)


def test_a_key_has_32_random_bytes() -> None:
    assert len(new_token_key()) == 32
    assert new_token_key() != new_token_key()
