"""Digests of tokens and passwords: what is stored and compared instead of them."""

import hashlib
import hmac
import secrets

MINIMUM_TOKEN_BYTES = 20
"""Shorter tokens are refused by the operator: 20 random bytes are the 160 bits that RFC 6749 §10.10 asks for."""


MAXIMUM_TOKEN_BYTES = 3 << 10
"""So that it fits into the 16 KiB that the server reads of `Authorization`, even a client secret that is
percent-encoded and then put into base64: four times as long."""


class TokenTooShort(ValueError):
    """A token or password of fewer than `MINIMUM_TOKEN_BYTES` bytes. The message holds its length, not its value."""


class TokenTooLong(ValueError):
    """A token or password of more than `MAXIMUM_TOKEN_BYTES` bytes. The message holds its length."""


def new_token_key() -> bytes:
    """A new key of an installation: 32 random bytes."""
    return secrets.token_bytes(32)


def token_digest(token: bytes, key: bytes) -> str:
    """HMAC-SHA-256 of a bearer token under the installation's key, as 64 hexadecimal digits.

    Raises `TokenTooShort` and `TokenTooLong`.
    """
    _check_length("token", token)
    return hmac.new(key, token, hashlib.sha256).hexdigest()


def pair_digest(name: bytes, secret: bytes, key: bytes) -> str:
    """HMAC-SHA-256, under the installation's key, of a user name or client id, a NUL byte, and its secret.

    As 64 hexadecimal digits. `name` holds no NUL, so that no two pairs have one text. Raises `TokenTooShort` and
    `TokenTooLong`: a password is held to the same bounds as a token, since nobody types it.
    """
    _check_length("secret", secret)
    return hmac.new(key, name + b"\0" + secret, hashlib.sha256).hexdigest()


def _check_length(what: str, value: bytes) -> None:
    if len(value) < MINIMUM_TOKEN_BYTES:
        raise TokenTooShort(f"the {what} has {len(value)} bytes; at least {MINIMUM_TOKEN_BYTES} are needed")
    if len(value) > MAXIMUM_TOKEN_BYTES:
        raise TokenTooLong(f"the {what} has {len(value)} bytes; at most {MAXIMUM_TOKEN_BYTES} can be sent")
