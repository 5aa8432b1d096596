"""Signatures of Standard Webhooks (standardwebhooks.com). They are sent with either format."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from standardwebhooks import Webhook


class Signer:
    """Signs with each of the keys, which are in base64: a receiver may have any of them while they are replaced."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._keys = [Webhook(key) for key in keys]

    def headers(self, event_id: str, body: bytes, now: datetime) -> Mapping[str, str]:
        text = body.decode()
        return {
            "webhook-id": event_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": " ".join(key.sign(event_id, now, text) for key in self._keys),
        }
