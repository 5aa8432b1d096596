"""Digests of bearer tokens: what is stored and compared instead of the tokens themselves."""

import hashlib
import hmac
import secrets

MINIMUM_TOKEN_BYTES = 20
"""Shorter tokens are refused by the operator: 20 random bytes are the 160 bits that RFC 6749 §10.10 asks for."""


class TokenTooShort(ValueError):
    """A bearer token of fewer than `MINIMUM_TOKEN_BYTES` bytes. The message holds its length, never its value."""


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
