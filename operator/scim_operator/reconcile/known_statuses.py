"""Statuses as the operator read or wrote them last, so that an event of its own write brings no work. Pure."""

import hashlib
from collections.abc import Mapping
from typing import Any

import orjson

from scim_operator.reconcile.status import OWN_CONDITIONS, counters_in, without_counters


class KnownStatuses:
    """By the object's uid. Digests of statuses are kept, not statuses: there are thousands."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[bytes, Mapping[str, Any]]] = {}

    def note(self, uid: str, status: Mapping[str, Any]) -> None:
        """The object's status is, or is about to be, `status`."""
        self._known[uid] = (_digest(status), counters_in(status))

    def note_counters(self, uid: str, counters: Mapping[str, Any]) -> None:
        """Its counters are about to be these; the rest stays."""
        if uid in self._known:
            self._known[uid] = (self._known[uid][0], counters)

    def forget(self, uid: str) -> None:
        self._known.pop(uid, None)

    def was_changed(self, raw: Mapping[str, Any]) -> bool:
        """Whether another client changed the status of `raw`. False for what the operator never looked at."""
        known, status = self._known.get(raw["metadata"]["uid"]), raw.get("status") or {}
        return known is not None and known != (_digest(status), counters_in(status))


def _digest(status: Mapping[str, Any]) -> bytes:
    conditions = sorted(
        (item for item in status.get("conditions") or () if item.get("type") in OWN_CONDITIONS),
        key=lambda item: str(item["type"]),
    )
    text = orjson.dumps(without_counters(status) | {"conditions": conditions}, option=orjson.OPT_SORT_KEYS)
    return hashlib.blake2b(text, digest_size=16).digest()
