"""Step 6: write statuses that changed, and an Event for what their authors should know."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from scim_operator.api import PLURALS, PROVISIONING_CONFIG, ObjectKey
from scim_operator.api.constants import API_VERSION
from scim_operator.cluster import (
    ClusterClient,
    ClusterConflict,
    ClusterError,
    ClusterNotFound,
    EventType,
    JsonObject,
    event_object,
)
from scim_operator.delivery import TenantStatus
from scim_operator.reconcile.announcements import Announcement, announcements, announcements_of_fields
from scim_operator.reconcile.known_statuses import KnownStatuses
from scim_operator.reconcile.status import (
    Status,
    counter_fields,
    counters_differ,
    counters_in,
    counters_of,
    differs,
    with_counters,
)
from scim_operator.reconcile.told import mapping_facts, urgent_facts

COUNTERS_SECONDS = 45.0
"""How often a status may be written for its counters alone, unless an option says otherwise: with the time between
polls they are a minute old at most."""

_SERIES_SECONDS = 600.0
"""An Event that happens again within this time is counted up."""

_WRITES_AT_ONCE = 4

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Counted:
    """What the status of a ProvisioningConfig says that follows what identity providers send."""

    regarding: JsonObject
    """Enough of the object for an Event."""

    fields: Mapping[str, Any]
    """Those of `counter_fields`."""
    written_at: float

    @property
    def uid(self) -> str:
        uid: str = self.regarding["metadata"]["uid"]
        return uid


@dataclass(slots=True)
class _Series:
    name: str
    count: int
    last: float


class Publisher:
    """Writes what is new. Keeps what statuses say, and when their counters were written."""

    def __init__(
        self,
        client: ClusterClient,
        instance: str,
        clock: Callable[[], float],
        counters_seconds: float = COUNTERS_SECONDS,
    ) -> None:
        self.known_statuses = KnownStatuses()
        self._client = client
        self._instance = instance
        self._clock = clock
        self._counters_seconds = counters_seconds
        self._counted: dict[ObjectKey, _Counted] = {}
        self._told: dict[ObjectKey, tuple[TenantStatus, float]] = {}
        """What the statuses of a config and its mappings were last made of, and when."""
        self._series: dict[tuple[str, Announcement], _Series] = {}

    async def publish(self, kind: str, raw: JsonObject, wanted: Status, now: datetime) -> None:
        """Bring the status of `raw` to `wanted` if it differs.

        Raises `ClusterError`; `ClusterConflict` when the object is no longer what was read: changed, or another one
        of that name. Then it has to be read again before anything is said about it.
        """
        existing, key, uid = raw.get("status") or {}, ObjectKey.of(raw), raw["metadata"]["uid"]
        counted = self._counted.get(key)
        written_at = counted.written_at if counted is not None and counted.uid == uid else float("-inf")
        recent = self._clock() - written_at < self._counters_seconds
        write = differs(existing, wanted) or (counters_differ(existing, wanted) and not recent)
        self.known_statuses.note(uid, wanted if write else existing)  # before the event of the write can come
        if kind == PROVISIONING_CONFIG:
            fields = counter_fields(wanted if write else existing)
            regarding = {"apiVersion": API_VERSION, "kind": kind, "metadata": raw["metadata"]}
            self._counted[key] = _Counted(regarding, fields, self._clock() if write else written_at)
        if not write:
            return
        metadata = {name: raw["metadata"][name] for name in ("namespace", "name", "resourceVersion")}
        body = {"apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "status": wanted}
        try:
            await self._client.apply_status(PLURALS[kind], body)
        except ClusterNotFound:
            return  # deleted, for which there is an event
        regarding = {**raw, "apiVersion": API_VERSION, "kind": kind}
        for announcement in announcements(existing.get("conditions") or (), wanted["conditions"]):
            await self._announce(regarding, announcement, now)
        await self._announce_told(regarding, existing, wanted, now)

    async def refresh_counters(self, said: Callable[[str], TenantStatus | None], now: datetime) -> None:
        """Write the counters that are others than the statuses say, each at most every `counters_seconds`; nothing
        else is read or written. `said` tells what the servers say of a tenant."""
        few = asyncio.Semaphore(_WRITES_AT_ONCE)

        async def refresh(key: ObjectKey, counted: _Counted, fields: Status) -> None:
            async with few:
                await self._write_counters(key, counted, fields, now)

        since = self._clock() - self._counters_seconds
        due = []
        for key, counted in self._counted.items():
            tenant = said(str(key))
            if tenant is not None and counted.written_at <= since:
                fields = with_counters(counted.fields, counters_of(tenant))
                if counters_differ(counted.fields, fields):
                    due.append(refresh(key, counted, fields))
        await asyncio.gather(*due)

    def note_told(self, key: ObjectKey, tenant: TenantStatus | None) -> None:
        """The statuses of the config and its mappings are made of this."""
        if tenant is not None:
            self._told[key] = (tenant, self._clock())

    def outdated(self, said: Callable[[str], TenantStatus | None]) -> list[ObjectKey]:
        """Configs that have to be looked at since the servers tell something else of their holds, webhooks or
        mappings: of mappings at most every `counters_seconds`."""
        found = []
        for key in self._counted:
            tenant = said(str(key))
            before, at = self._told.get(key, (TenantStatus(), float("-inf")))
            if tenant is None or tenant is before:
                continue
            soon = self._clock() - at >= self._counters_seconds
            if urgent_facts(tenant) != urgent_facts(before) or (
                soon and mapping_facts(tenant) != mapping_facts(before)
            ):
                found.append(key)
        return found

    def forget(self, key: ObjectKey) -> None:
        """There is no config of that name any more."""
        self._counted.pop(key, None)
        self._told.pop(key, None)

    async def _write_counters(self, key: ObjectKey, counted: _Counted, fields: Status, now: datetime) -> None:
        before = counted.fields
        counted.fields, counted.written_at = fields, self._clock()
        self.known_statuses.note_counters(counted.uid, counters_in(fields))
        try:
            gone = dict.fromkeys(before.keys() - fields.keys())
            await self._client.patch_status(PLURALS[PROVISIONING_CONFIG], key, counted.uid, fields | gone)
            await self._announce_told(counted.regarding, before, fields, now)
        except (ClusterNotFound, ClusterConflict):
            pass  # deleted, or another one of that name: there is an event
        except ClusterError as error:
            counted.fields = before
            cause = {"cause": str(error)}
            log.warning("the counters of %s could not be written: %s", key, error, extra=cause)

    async def _announce_told(
        self, regarding: JsonObject, existing: Mapping[str, Any], wanted: Mapping[str, Any], now: datetime
    ) -> None:
        """What servers tell of a config and no condition says, or says once for several."""
        for announcement in announcements_of_fields(existing, wanted):
            await self._announce(regarding, announcement, now)

    async def _announce(self, raw: JsonObject, announcement: Announcement, now: datetime) -> None:
        since = self._clock() - _SERIES_SECONDS
        self._series = {key: series for key, series in self._series.items() if series.last > since}
        key = (raw["metadata"]["uid"], announcement)
        series = self._series.get(key)
        try:
            if series is not None:
                series.count, series.last = series.count + 1, self._clock()
                await self._client.repeat_event(raw["metadata"]["namespace"], series.name, series.count, now)
                return
            event = event_object(
                raw,
                kind=EventType.WARNING if announcement.bad else EventType.NORMAL,
                reason=announcement.reason,
                action="Reconcile",
                note=announcement.note,
                now=now,
                instance=self._instance,
            )
            self._series[key] = _Series(event["metadata"]["name"], 1, self._clock())
            await self._client.create_event(event)
        except ClusterError as error:
            # An Event is a courtesy; the status, which is written, says the same.
            self._series.pop(key, None)
            log.warning("an Event could not be made: %s", error)
