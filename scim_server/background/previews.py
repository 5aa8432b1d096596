"""Who would gain and who would lose which role by the mappings in mode Preview: kept up for the status."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from scim_server.background.worker import Worker, for_each
from scim_server.clock import Clock
from scim_server.config import ConfigHolder, Tenant
from scim_server.directory.previews import preview_mappings
from scim_server.provisioning.policy import Policy
from scim_server.provisioning.preview import TenantPreview
from scim_server.storage.protocol import Storage
from scim_server.storage.records import TenantCounts

_REFRESH = timedelta(minutes=1)
_MOST_OF_THE_TIME = 20
"""A preview that takes long is made so many times more seldom than it takes."""


@dataclass(frozen=True, slots=True)
class _Answer:
    rules: Policy
    counts: TenantCounts
    """Read before."""
    at: datetime
    good_until: datetime
    previews: Mapping[str, TenantPreview]


class MappingPreviews:
    """`worker` is its background task. One per server.

    A preview is made at once when rules change, and otherwise once a minute at most, where users, groups or the time
    may have changed it. Every replica makes its own, which are alike.
    """

    def __init__(self, storage: Storage, holder: ConfigHolder, clock: Clock) -> None:
        self._storage = storage
        self._holder = holder
        self._clock = clock
        self._answers: dict[str, _Answer] = {}
        self.worker = Worker("previewing mappings", self.do, clock)
        holder.subscribe(lambda _: self.worker.wake())

    def of(self, tenant: str) -> Mapping[str, TenantPreview]:
        """By mapping (`namespace/name`), as far as they are made."""
        answer = self._answers.get(tenant)
        return answer.previews if answer is not None else {}

    async def do(self) -> datetime | None:
        """One round. Raises the first error."""
        current = self._holder.current
        tenants = [tenant for tenant in current.config.tenants if _has_previews(tenant)] if current else []
        self._answers = {one.key: self._answers[one.key] for one in tenants if one.key in self._answers}
        await for_each(tenants, self._refresh)
        return min((answer.good_until for answer in self._answers.values()), default=None)

    async def _refresh(self, tenant: Tenant) -> None:
        rules, now, known = Policy.of(tenant), self._clock(), self._answers.get(tenant.key)
        is_same = known is not None and known.rules.fingerprint == rules.fingerprint
        if known is not None and is_same and now < known.good_until:
            return
        counts = await self._storage.read(tenant.key, lambda reader: reader.counts())
        if known is not None and is_same and known.counts == counts and not _passed(rules, known.at, now):
            self._answers[tenant.key] = _Answer(rules, counts, known.at, now + _REFRESH, known.previews)
            return
        began = time.perf_counter()
        previews = await preview_mappings(self._storage, tenant.key, rules, now)
        took = timedelta(seconds=time.perf_counter() - began)
        wait = max(_REFRESH, _MOST_OF_THE_TIME * took)
        self._answers[tenant.key] = _Answer(rules, counts, now, self._clock() + wait, previews)


def _has_previews(tenant: Tenant) -> bool:
    return any(rule.preview for rule in tenant.rules)


def _passed(rules: Policy, after: datetime, until: datetime) -> bool:
    """Whether a window has opened or closed."""
    boundaries = [time for rule in rules.config.rules for time in (rule.not_before, rule.not_after)]
    return any(time is not None and after < time <= until for time in boundaries)
