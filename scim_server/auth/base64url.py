"""base64url without padding (RFC 7515 §2), in the one spelling that each text has."""

import base64
import binascii


def encode(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def decode(text: bytes) -> bytes | None:
    """None for any other spelling: padding, characters that mean nothing, bits that are not used.

    A token that could be spelled in two ways would get by a list of revoked ones.
    """
    try:
        data = base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4))
    except binascii.Error:
        return None
    return data if encode(data) == text else None
