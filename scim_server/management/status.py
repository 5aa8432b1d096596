"""What the operator and people ask a replica: what it runs, and how many users there are."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version

from scim_server.auth.last_uses import LastUses
from scim_server.background.previews import MappingPreviews
from scim_server.background.rules import RulesApplier
from scim_server.config import SHARD_COUNT, SHARDS, ConfigBundle, ConfigHolder, SharedSecret, Tenant
from scim_server.directory.feed import Feed
from scim_server.directory.unmatched_groups import UnmatchedGroups as UnmatchedSelectors
from scim_server.directory.unmatched_groups import UnmatchedGroupsReader
from scim_server.management.intake import Intake
from scim_server.management.models import (
    CredentialUse,
    ExpressionError,
    Failure,
    FormerUsers,
    Hold,
    MappingPreview,
    Rejection,
    ServerStatus,
    ShardStatus,
    TenantStatus,
    UnmatchedGroups,
    UserCounts,
    WebhookState,
    WebhookStatus,
)
from scim_server.management.webhook_status import webhook_statuses
from scim_server.metrics import Metrics, WebhookFigures
from scim_server.provisioning.preview import TenantPreview
from scim_server.provisioning.profile import MappingFailure
from scim_server.storage.errors import StorageUnavailable
from scim_server.storage.protocol import Storage
from scim_server.storage.records import CredentialUses, OpenHold, TenantCounts
from scim_server.storage.tables.sync_log import LogLine

_COUNTS_LIVE_SECONDS = 10.0
"""Scrapes and resyncs share one count of all tenants."""
_PATIENCE_SECONDS = 2.0
"""How long an answer waits for a database that may have stopped answering. Prometheus gives up after ten."""


class Status:
    """Reads only; `current` and `refresh_metrics` work without a database, then with the counts known last."""

    def __init__(
        self,
        holder: ConfigHolder,
        intake: Intake,
        applier: RulesApplier,
        storage: Storage,
        metrics: Metrics,
        unmatched_groups: UnmatchedGroupsReader,
        last_uses: LastUses,
        feed: Feed,
        previews: MappingPreviews,
    ) -> None:
        self._holder = holder
        self._intake = intake
        self._applier = applier
        self._storage = storage
        self._metrics = metrics
        self._unmatched_groups = unmatched_groups
        self._unmatched: dict[str, Mapping[str, UnmatchedSelectors]] = {}
        self._webhooks: dict[str, tuple[WebhookStatus, ...]] = {}
        self._last_uses = last_uses
        self._feed = feed
        self._unread: dict[str, Mapping[str, datetime | None]] = {}
        self._previews = previews
        self._stored_uses: CredentialUses = {}
        self._holds: dict[str, Sequence[OpenHold]] = {}
        self._syncs: dict[str, tuple[datetime | None, LogLine | None]] = {}
        self._failures: dict[str, Mapping[MappingFailure, int]] = {}
        self._counting: asyncio.Task[bool] | None = None
        self._counts: dict[str, TenantCounts] = {}
        self._counted_at = float("-inf")
        self._counted_of: ConfigBundle | None = None

    async def ready(self) -> str | None:
        """None when requests can be served, else what is missing."""
        missing = [] if self._holder.current is not None else [self._missing_configuration()]
        try:
            await self._storage.ping()
        except StorageUnavailable:
            missing.append("the database doesn't answer")
        return "; ".join(missing) or None

    def _missing_configuration(self) -> str:
        came = len(self._holder.shards)
        return f"only {came} of {SHARD_COUNT} shards of the configuration yet" if came else "no configuration yet"

    async def current(self) -> ServerStatus:
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                floors = await self._intake.floors()
        except (StorageUnavailable, TimeoutError):
            floors = dict.fromkeys(SHARDS, 0)
        rejection = self._holder.rejection
        counts = await self._current_counts()
        last_contacts, credentials = self._contacts()
        return ServerStatus(
            # What an operator asks that delivers the whole: the lowest revision, and the highest floor.
            revision=self._holder.revision_of(None),
            floor=max(floors.values()),
            applied_revision=self._applier.applied_revision_of(None),
            shards={
                shard: ShardStatus(
                    revision=self._holder.revision_of(shard),
                    floor=floors[shard],
                    applied_revision=self._applier.applied_revision_of(shard),
                )
                for shard in SHARDS
            },
            source=self._holder.source,
            rejection=Rejection(source=rejection.source, reason=rejection.reason) if rejection else None,
            tenants={
                key: TenantStatus(
                    users=UserCounts(active=counted.active, blocked=counted.blocked, deactivated=counted.deactivated),
                    groups=counted.groups,
                    last_sync_time=self._last_sync(key, counted),
                    last_contact_time=last_contacts.get(key),
                    credentials=credentials.get(key, {}),
                    former_users=FormerUsers(count=counted.former_users.count, since=counted.former_users.since)
                    if counted.former_users
                    else None,
                    unmatched_groups={
                        mapping: _unmatched_groups(found) for mapping, found in self._unmatched.get(key, {}).items()
                    },
                    holds=tuple(Hold.model_validate(hold.to_json()) for hold in self._holds.get(key, ())),
                    expression_errors=_expression_errors(self._failures.get(key, {})),
                    webhooks=self._webhooks.get(key, ()),
                    last_failure=_failure(self._syncs.get(key, (None, None))[1]),
                    previews={mapping: _preview(found) for mapping, found in self._previews.of(key).items()},
                )
                for key, counted in counts.items()
            },
            version=version("scim-operator"),
        )

    async def refresh_metrics(self) -> None:
        counts = await self._current_counts()
        present = {key: counted for key, counted in counts.items() if not counted.departed}
        self._metrics.set_counts(present)
        self._metrics.set_last_syncs({key: self._last_sync(key, counted) for key, counted in present.items()})
        self._metrics.set_holds({key: [each.hold for each in self._holds.get(key, ())] for key in present})
        self._metrics.set_mappings_with_expressions(self._mappings_with_expressions())
        self._metrics.set_credentials(self._expiries(), self._uses())
        now = datetime.now(UTC)
        self._metrics.set_feed_lags(
            {
                (tenant, credential): 0.0 if oldest is None else max(0.0, (now - oldest).total_seconds())
                for tenant, unread in self._unread.items()
                for credential, oldest in unread.items()
            }
        )
        self._metrics.set_webhooks(
            {
                (tenant, each.name): WebhookFigures(
                    each.pending,
                    (now - each.oldest_pending).total_seconds() if each.oldest_pending else 0.0,
                    is_disabled=each.state is WebhookState.DISABLED,
                )
                for tenant, webhooks in self._webhooks.items()
                for each in webhooks
            }
        )

    def _last_sync(self, tenant: str, counts: TenantCounts) -> datetime | None:
        """Of a database from before the sync log, when something changed last."""
        return self._syncs.get(tenant, (None, None))[0] or counts.last_sync

    async def close(self) -> None:
        if self._counting is not None:
            self._counting.cancel()
            await asyncio.wait({self._counting})

    def _expiries(self) -> dict[tuple[str, str], datetime]:
        current = self._holder.current
        return {
            (tenant.key, credential.name): credential.expires_at
            for tenant in (current.config.tenants if current else ())
            for credential in tenant.all_credentials
            if isinstance(credential, SharedSecret) and credential.expires_at is not None
        }

    def _mappings_with_expressions(self) -> set[tuple[str, str]]:
        current = self._holder.current
        found: set[tuple[str, str]] = set()
        for tenant in current.config.tenants if current else ():
            found |= {(tenant.key, each.mapping) for each in tenant.attributes if each.expression is not None}
            found |= {(tenant.key, each.mapping) for each in tenant.rules if each.when is not None}
        return found

    def _uses(self) -> dict[tuple[str, str], datetime]:
        _, credentials = self._contacts()
        return {
            (tenant, name): use.last_used_time for tenant, used in credentials.items() for name, use in used.items()
        }

    def _contacts(self) -> tuple[dict[str, datetime], dict[str, dict[str, CredentialUse]]]:
        """By tenant: when any of its credentials was used last, and when each of those that it has now."""
        current = self._holder.current
        tenants: tuple[Tenant, ...] = current.config.tenants if current else ()
        names = {tenant.key: {credential.name for credential in tenant.all_credentials} for tenant in tenants}
        last_contacts: dict[str, datetime] = {}
        credentials: dict[str, dict[str, CredentialUse]] = {}
        uses = self._last_uses.with_noted(self._stored_uses)
        for (tenant, credential), used in sorted(uses.items(), key=lambda item: item[1]):
            last_contacts[tenant] = used
            if credential in names.get(tenant, ()):
                credentials.setdefault(tenant, {})[credential] = CredentialUse(last_used_time=used)
        return last_contacts, credentials

    async def _current_counts(self) -> dict[str, TenantCounts]:
        """The counts known last where the database doesn't answer soon."""
        give_up_at = time.monotonic() + _PATIENCE_SECONDS
        while not self._is_fresh() and (left := give_up_at - time.monotonic()) > 0:
            if self._counting is None or self._counting.done():
                self._counting = asyncio.create_task(self._count_anew())
            # Not awaited itself: who gives up waiting must not end it for the others.
            done, _ = await asyncio.wait({self._counting}, timeout=left)
            if not all(task.result() for task in done):
                break
        return self._counts

    def _is_fresh(self) -> bool:
        return self._counted_of is self._holder.current and time.monotonic() - self._counted_at < _COUNTS_LIVE_SECONDS

    async def _count_anew(self) -> bool:
        counted_of = self._holder.current
        try:
            self._counts = await self._count()
        except StorageUnavailable:
            return False
        self._counted_at, self._counted_of = time.monotonic(), counted_of
        return True

    async def _count(self) -> dict[str, TenantCounts]:
        current = self._holder.current
        tenants: tuple[Tenant, ...] = current.config.tenants if current else ()
        counts: dict[str, TenantCounts] = {}
        unmatched: dict[str, Mapping[str, UnmatchedSelectors]] = {}
        holds: dict[str, Sequence[OpenHold]] = {}
        syncs: dict[str, tuple[datetime | None, LogLine | None]] = {}
        failures: dict[str, Mapping[MappingFailure, int]] = {}
        unread: dict[str, Mapping[str, datetime | None]] = {}
        for tenant in tenants:
            unread[tenant.key] = await self._feed.oldest_unread(tenant.key)
            if any(rule.expression is not None for rule in tenant.attributes):
                failures[tenant.key] = await self._storage.read(tenant.key, lambda reader: reader.profile_failures())
            counts[tenant.key] = await self._storage.read(tenant.key, lambda reader: reader.counts())
            holds[tenant.key] = await self._storage.read(tenant.key, lambda reader: reader.holds())
            syncs[tenant.key] = await self._storage.read(tenant.key, lambda reader: reader.last_sync())
            if counts[tenant.key].last_sync is not None:  # before the first sync nothing is known of groups
                unmatched[tenant.key] = await self._unmatched_groups.of(tenant, counts[tenant.key])
        stored = await self._storage.webhooks()
        self._webhooks = {
            tenant.key: await webhook_statuses(self._storage, tenant, stored) for tenant in tenants if tenant.webhooks
        }
        self._stored_uses = await self._storage.uses()
        self._unmatched_groups.keep(counts)
        self._feed.keep(counts)
        self._unread = unread
        self._unmatched, self._holds, self._syncs, self._failures = unmatched, holds, syncs, failures
        return counts


def _expression_errors(failures: Mapping[MappingFailure, int]) -> Mapping[str, tuple[ExpressionError, ...]]:
    """By mapping, those that concern most users first."""
    found: dict[str, list[ExpressionError]] = {}
    for failure, users in failures.items():
        error = ExpressionError(kind="target", name=failure.part, reason=failure.reason, users=users)
        found.setdefault(failure.mapping, []).append(error)
    return {
        mapping: tuple(sorted(errors, key=lambda error: (-error.users, error.name, error.reason)))
        for mapping, errors in sorted(found.items())
    }


def _failure(line: LogLine | None) -> Failure | None:
    if line is None:
        return None
    said = line.to_json()
    reason = " ".join(str(part) for part in (line.status, said["scimType"], said["detail"]) if part)
    return Failure(
        time=line.time,
        credential=line.credential,
        operation=line.operation,
        reason=reason,
        request_id=line.request_id,
    )


def _unmatched_groups(found: UnmatchedSelectors) -> UnmatchedGroups:
    named = ({"rule": one.rule} | one.selector.model_dump(mode="json", exclude_none=True) for one in found.groups)
    return UnmatchedGroups(count=found.count, groups=tuple(named))


def _preview(found: TenantPreview) -> MappingPreview:
    return MappingPreview(
        users_gaining=found.users_gaining, users_losing=found.users_losing, gains=found.gains, losses=found.losses
    )
