"""Digests of tokens and passwords: what is stored and compared instead of them."""

import hashlib
import hmac
import secrets

MINIMUM_TOKEN_BYTES = 20
"""Shorter tokens are refused by the operator: 20 random bytes are the 160 bits that RFC 6749 §10.10 asks for."""


class TokenTooShort(ValueError):
    """A token or password of fewer than `MINIMUM_TOKEN_BYTES` bytes. The message holds its length, not its value."""


def new_token_key() -> bytes:
    """A new key of an installation: 32 random bytes."""
    return secrets.token_bytes(32)


def token_digest(token: bytes, key: bytes) -> str:
    """HMAC-SHA-256 of a bearer token under the installation's key, as 64 hexadecimal digits.

    Raises `TokenTooShort`.
    """
    if len(token) < MINIMUM_TOKEN_BYTES:
        raise TokenTooShort(f"the token has {len(token)} bytes; at least {MINIMUM_TOKEN_BYTES} are needed")
    return hmac.new(key, token, hashlib.sha256).hexdigest()


def pair_digest(name: bytes, secret: bytes, key: bytes) -> str:
    """HMAC-SHA-256, under the installation's key, of a user name or client id, a NUL byte, and its secret.

    As 64 hexadecimal digits. `name` holds no NUL, so that no two pairs have one text. Raises `TokenTooShort`: a
    password is held to the same minimum as a token, since nobody types it.
    """
    if len(secret) < MINIMUM_TOKEN_BYTES:
        raise TokenTooShort(f"the secret has {len(secret)} bytes; at least {MINIMUM_TOKEN_BYTES} are needed")
    return hmac.new(key, name + b"\0" + secret, hashlib.sha256).hexdigest()
