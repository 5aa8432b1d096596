"""Step 5, the other half: write statuses that changed, and an Event for each condition that moved."""

import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from scim_operator.api import (
    ATTRIBUTE_MAPPING,
    PLURALS,
    PROVISIONING_CONFIG,
    ROLE_MAPPING,
    former_users_note,
    reasons,
)
from scim_operator.api.constants import API_VERSION
from scim_operator.cluster import (
    ClusterClient,
    ClusterError,
    ClusterNotFound,
    EventType,
    JsonObject,
    event_object,
)
from scim_operator.reconcile.status import Status, counters_differ, differs, transitions

COUNTERS_SECONDS = 60.0
"""How often a status may be written for its counters alone."""

_ANNOUNCED = {
    PROVISIONING_CONFIG: frozenset((reasons.READY, reasons.STALLED, reasons.RESOLVED_REFS)),
    ROLE_MAPPING: frozenset((reasons.ACCEPTED,)),
    ATTRIBUTE_MAPPING: frozenset((reasons.ACCEPTED,)),
}
"""Conditions whose transitions become Events. `Programmed` is in `Ready`, and would flap with every rollout."""

log = logging.getLogger(__name__)


class Publisher:
    """Writes what is new. Keeps when each status was written last, for the counters."""

    def __init__(self, client: ClusterClient, instance: str, clock: Callable[[], float]) -> None:
        self._client = client
        self._instance = instance
        self._clock = clock
        self._written: dict[str, float] = {}

    async def publish(self, kind: str, raw: JsonObject, wanted: Status, now: datetime) -> None:
        """Bring the status of `raw` to `wanted` if it differs.

        Raises `ClusterError`; `ClusterConflict` when the object is no longer what was read: changed, or another one
        of that name. Then it has to be read again before anything is said about it.
        """
        existing = raw.get("status") or {}
        if not self._worth_writing(raw["metadata"]["uid"], existing, wanted):
            return
        metadata = {name: raw["metadata"][name] for name in ("namespace", "name", "resourceVersion")}
        body = {"apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "status": wanted}
        try:
            await self._client.apply_status(PLURALS[kind], body)
        except ClusterNotFound:
            return  # deleted, for which there is an event
        self._written[raw["metadata"]["uid"]] = self._clock()
        for condition in transitions(existing.get("conditions") or (), wanted["conditions"]):
            if condition["type"] in _ANNOUNCED[kind]:
                await self._announce({**raw, "apiVersion": API_VERSION, "kind": kind}, condition, now)
        former = wanted.get("formerUsers")
        if former is not None and former != existing.get("formerUsers"):
            note = former_users_note(former["count"])
            await self._create_event(
                {**raw, "apiVersion": API_VERSION, "kind": kind}, EventType.WARNING, reasons.FORMER_USERS, note, now
            )

    def _worth_writing(self, uid: str, existing: Mapping[str, Any], wanted: Status) -> bool:
        return differs(existing, wanted) or (counters_differ(existing, wanted) and uid not in self._recent())

    def _recent(self) -> Mapping[str, float]:
        """The statuses written within `COUNTERS_SECONDS`; older ones are forgotten."""
        since = self._clock() - COUNTERS_SECONDS
        self._written = {uid: at for uid, at in self._written.items() if at > since}
        return self._written

    async def _announce(self, raw: JsonObject, condition: Mapping[str, Any], now: datetime) -> None:
        bad = (condition["status"] == "True") == (condition["type"] == reasons.STALLED)
        if not bad and condition["type"] in (reasons.STALLED, reasons.RESOLVED_REFS):
            return  # good news of these is told by Ready
        note = f"{condition['type']}={condition['status']}: {condition['message']}"
        await self._create_event(raw, EventType.WARNING if bad else EventType.NORMAL, condition["reason"], note, now)

    async def _create_event(self, raw: JsonObject, kind: EventType, reason: str, note: str, now: datetime) -> None:
        event = event_object(
            raw, kind=kind, reason=reason, action="Reconcile", note=note, now=now, instance=self._instance
        )
        try:
            await self._client.create_event(event)
        except ClusterError as error:
            # An Event is a courtesy; the status, which is written, says the same.
            log.warning("an Event could not be made: %s", error)
