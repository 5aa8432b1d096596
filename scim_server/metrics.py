"""Prometheus metrics of one server. Labels never hold anything that identifies a person."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from importlib.metadata import version

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from scim_server.config import SHARDS
from scim_server.provisioning.guards import HoldKind
from scim_server.provisioning.lifecycle import State
from scim_server.storage.effects import EffectHeld, Effects, ExpressionsFailed, StateChanged, UserDeleted
from scim_server.storage.protocol import Storage
from scim_server.storage.records import Hold, TenantCounts, UserRecord

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


CredentialTimes = Mapping[tuple[str, str], datetime]
"""By tenant and name."""

DEACTIVATION_OUTCOMES = ("done", "held")
DELIVERY_RESULTS = ("delivered", "retried", "given_up")


@dataclass(frozen=True, slots=True)
class WebhookFigures:
    pending: int
    lag_seconds: float
    is_disabled: bool


class Metrics:
    """Counters and gauges in a registry of their own, so that several servers fit in one process.

    Also the `StorageObserver` of the server's storage. docs/reference/metrics.md lists all of them.

    `tenant` is `namespace/name`, or `""` for a request that was not authenticated: a label must not be
    something that strangers can make up.
    """

    def __init__(self) -> None:
        # A second series for each counter, which Prometheus does not need.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "scim_requests", "Requests answered.", ("tenant", "method", "route", "status"), registry=self.registry
        )
        self._duration = Histogram(
            "scim_request_duration_seconds",
            "From the request's head to the end of the answer.",
            ("method", "route"),
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self._authentication_failures = Counter(
            "scim_authentication_failures",
            "Requests and token requests without a valid credential: answered 401, or 429 when there were too many,"
            " or 503 when the keys of an issuer couldn't be had.",
            ("reason",),
            registry=self.registry,
        )
        self._refused = Counter(
            "scim_refused_requests",
            "Requests and connections refused or ended to protect the server.",
            ("reason",),
            registry=self.registry,
        )
        self.config_revision = Gauge(
            "scim_config_revision",
            "Revision of the configuration that runs, of each of its 16 shards.",
            ("shard",),
            registry=self.registry,
        )
        self.config_applied_revision = Gauge(
            "scim_config_applied_revision",
            "Revision that the roles of all existing users follow, of each shard. Behind the former while new"
            " rules are applied.",
            ("shard",),
            registry=self.registry,
        )
        for shard in SHARDS:
            self.config_revision.labels(str(shard))
            self.config_applied_revision.labels(str(shard))
        self.config_rejections = Counter(
            "scim_config_rejections",
            "Configurations refused, from file or push. What ran before goes on.",
            ("source",),
            registry=self.registry,
        )
        # From zero on: a counter that begins with 1 has no increase that an alert could see.
        for source in ("file", "push"):
            self.config_rejections.labels(source)
        self._users = Gauge(
            "scim_users",
            "Users: active, blocked or deactivated. Counted at most every 10 seconds.",
            ("tenant", "state"),
            registry=self.registry,
        )
        self._groups = Gauge("scim_groups", "Groups.", ("tenant",), registry=self.registry)
        self._last_sync = Gauge(
            "scim_last_sync_timestamp_seconds",
            "When a request to change something succeeded last, also one that found all as it should be.",
            ("tenant",),
            registry=self.registry,
        )
        self.sync_log_deleted = Counter(
            "scim_sync_log_lines_deleted",
            "Lines of the sync log that were older than the retention.",
            registry=self.registry,
        )
        self.events_deleted = Counter(
            "scim_events_deleted", "Events that were older than the retention.", registry=self.registry
        )
        self._holds = Gauge(
            "scim_holds",
            "Users whom open holds concern, by kind: deactivations, roles or protected. Counted with the users.",
            ("tenant", "kind"),
            registry=self.registry,
        )
        self._deactivations = Counter(
            "scim_deactivations",
            "Active users whom the provider set inactive or deleted: done, or held by a guard.",
            ("tenant", "outcome"),
            registry=self.registry,
        )
        self._expression_errors = Counter(
            "scim_expression_errors",
            "Expressions of a mapping that failed for a user, once for each user and change.",
            ("tenant", "mapping"),
            registry=self.registry,
        )
        self._failing_mappings: set[tuple[str, str]] = set()
        self._guarded: frozenset[str] = frozenset()
        """Tenants with deactivations."""
        self._credential_expiry = Gauge(
            "scim_credential_expiry_timestamp_seconds",
            "When a credential expires, of those that do, in Unix time.",
            ("tenant", "credential"),
            registry=self.registry,
        )
        self._credential_use = Gauge(
            "scim_credential_last_use_timestamp_seconds",
            "When a request came with a credential last, of those that were used, in Unix time. To within a minute.",
            ("tenant", "credential"),
            registry=self.registry,
        )
        self._waits = Histogram(
            "scim_database_wait_seconds",
            "How long each request waited for a connection to the database, those that waited in vain (503) too.",
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self.sync_log_lines_dropped = Counter(
            "scim_sync_log_lines_dropped",
            "Refused requests that the sync log lacks, since the database took too few lines.",
            registry=self.registry,
        )
        self.captures_dropped = Counter(
            "scim_captures_dropped",
            "Requests that a debug capture lacks, since the database took too few.",
            registry=self.registry,
        )
        self._retries = Counter(
            "scim_database_retries",
            "Transactions started again because another one got in their way.",
            registry=self.registry,
        )
        self._certificate_expiry = Gauge(
            "scim_tls_certificate_expiry_timestamp_seconds",
            "When the certificate of a port with TLS, public or management, ends to be valid, in Unix time.",
            ("port",),
            registry=self.registry,
        )
        self._certificate_broken = Gauge(
            "scim_tls_certificate_broken",
            "1 while the files of a port's certificate can't be used: the one before goes on, and the log says why.",
            ("port",),
            registry=self.registry,
        )
        self._deliveries = Counter(
            "scim_webhook_deliveries",
            "Events that webhooks took (delivered), attempts that failed and are made again (retried), events that"
            " could not be delivered within three days (given_up).",
            ("tenant", "webhook", "result"),
            registry=self.registry,
        )
        self._webhook_pending = Gauge(
            "scim_webhook_pending_events",
            "Events that a webhook has yet to get, 10,000 at most. Counted at most every 10 seconds.",
            ("tenant", "webhook"),
            registry=self.registry,
        )
        self._feed_lag = Gauge(
            "scim_feed_lag_seconds",
            "Age of the oldest event that a credential has not asked this replica for; 0 where there is none. Of the"
            " replicas the lowest counts.",
            ("tenant", "credential"),
            registry=self.registry,
        )
        self._webhook_lag = Gauge(
            "scim_webhook_lag_seconds",
            "Age of the oldest event that a webhook has yet to get; 0 where it has all.",
            ("tenant", "webhook"),
            registry=self.registry,
        )
        self._webhook_disabled = Gauge(
            "scim_webhook_disabled",
            "1 where the receiver answered 410: nothing is sent until the webhook is configured anew.",
            ("tenant", "webhook"),
            registry=self.registry,
        )
        Info("scim_server", "Always 1.", registry=self.registry).info({"version": version("scim-operator")})
        ProcessCollector(registry=self.registry)
        self._webhooks: set[tuple[str, str]] = set()
        self._tenants: set[str] = set()
        """Those that have series in `_requests`."""
        self._request_child = lru_cache(maxsize=4096)(self._requests.labels)
        self._duration_child = lru_cache(maxsize=256)(self._duration.labels)

    def request(self, tenant: str, method: str, route: str, status: int, seconds: float) -> None:
        """`route` is the template, such as `/Users/{id}`."""
        self._tenants.add(tenant)
        self._request_child(tenant, method, route, str(status)).inc()
        self._duration_child(method, route).observe(seconds)

    def refused(self, reason: str) -> None:
        """`reason` is one of those that docs/reference/limits.md lists."""
        self._refused.labels(reason).inc()

    def failed_to_authenticate(self, reason: str) -> None:
        """`reason` is one of those that docs/reference/metrics.md lists."""
        self._authentication_failures.labels(reason).inc()

    def waited(self, seconds: float) -> None:
        self._waits.observe(seconds)

    def retried(self) -> None:
        self._retries.inc()

    def delivery(self, tenant: str, webhook: str, result: str) -> None:
        """`result` is one of those that the help of the metric lists."""
        self._deliveries.labels(tenant, webhook, result).inc()

    def watch(self, storage: Storage) -> None:
        """Show the connections of `storage`, asked at each scrape. Once."""
        connections = Gauge(
            "scim_database_connections",
            "Open connections to the database: in_use or idle.",
            ("state",),
            registry=self.registry,
        )
        connections.labels("in_use").set_function(lambda: storage.usage().in_use)
        connections.labels("idle").set_function(lambda: storage.usage().opened - storage.usage().in_use)
        limit = Gauge("scim_database_connections_limit", "How many may be open at once.", registry=self.registry)
        limit.set_function(lambda: storage.usage().limit)
        waiting = Gauge("scim_database_waiting", "Requests that wait for a connection now.", registry=self.registry)
        waiting.set_function(lambda: storage.usage().waiting)

    def watch_log(self, dropped: Callable[[], int]) -> None:
        """Show the lines of the log that were dropped, asked at each scrape. Once."""
        self.registry.register(_DroppedLines(dropped))

    def watch_certificate(self, port: str, expiry: Callable[[], float], is_broken: Callable[[], bool]) -> None:
        """Show the certificate of a port, `public` or `management`, asked at each scrape."""
        self._certificate_expiry.labels(port).set_function(expiry)
        self._certificate_broken.labels(port).set_function(is_broken)

    def use_config(self, revisions: Mapping[int, int], tenants: Collection[str]) -> None:
        """Of each shard this revision runs from now on; requests of tenants that are in none disappear."""
        for shard, revision in revisions.items():
            self.config_revision.labels(str(shard)).set(revision)
        for tenant in tenants:  # from zero on, as above
            for outcome in ("done", "held"):
                self._deactivations.labels(tenant, outcome)
        for tenant in self._tenants.difference(tenants, {""}):
            self._requests.remove_by_labels({"tenant": tenant})
            self._deactivations.remove_by_labels({"tenant": tenant})
            self._tenants.discard(tenant)
        self._request_child.cache_clear()

    def watch_feed(self, waiting: Callable[[], int]) -> None:
        """Show how many requests wait for events, asked at each scrape. Once."""
        gauge = Gauge("scim_feed_waiting_requests", "Requests that wait for events now.", registry=self.registry)
        gauge.set_function(waiting)

    def set_feed_lags(self, seconds: Mapping[tuple[str, str], float]) -> None:
        """By tenant and credential; others disappear."""
        self._feed_lag.clear()
        for labels, lag in seconds.items():
            self._feed_lag.labels(*labels).set(lag)

    def set_counts(self, counts: Mapping[str, TenantCounts]) -> None:
        """Users and groups of every tenant; tenants that are gone disappear."""
        self._users.clear()
        self._groups.clear()
        for tenant, count in counts.items():
            self._users.labels(tenant, "active").set(count.active)
            self._users.labels(tenant, "blocked").set(count.blocked)
            self._users.labels(tenant, "deactivated").set(count.deactivated)
            self._groups.labels(tenant).set(count.groups)

    def set_last_syncs(self, times: Mapping[str, datetime | None]) -> None:
        self._last_sync.clear()
        for tenant, time in times.items():
            if time is not None:
                self._last_sync.labels(tenant).set(time.timestamp())

    def set_holds(self, holds: Mapping[str, Collection[Hold]]) -> None:
        """Of every tenant: 0 of a kind that has none, so that an alert sees it end."""
        self._holds.clear()
        for gone in self._guarded - holds.keys():
            for outcome in DEACTIVATION_OUTCOMES:
                self._deactivations.remove(gone, outcome)
        self._guarded = frozenset(holds)
        for tenant in holds:
            for outcome in DEACTIVATION_OUTCOMES:  # from zero on
                self._deactivations.labels(tenant, outcome)
        for tenant, of_tenant in holds.items():
            for kind in HoldKind:
                held = sum(hold.users for hold in of_tenant if hold.kind is kind and hold.decision is None)
                self._holds.labels(tenant, kind.value).set(held)

    def set_mappings_with_expressions(self, mappings: Collection[tuple[str, str]]) -> None:
        """By tenant and mapping, all that there are; those that are gone disappear."""
        for labels in self._failing_mappings.difference(mappings):
            self._expression_errors.remove(*labels)
        self._failing_mappings = {*mappings}
        for labels in mappings:  # from zero on
            self._expression_errors.labels(*labels)

    def count_effects(self, tenant: str, effects: Effects) -> None:
        """Of each commit."""
        for effect in effects.all:
            match effect:
                case StateChanged(before=State.ACTIVE) | UserDeleted(user=UserRecord(state=State.ACTIVE)):
                    self._deactivations.labels(tenant, "done").inc()
                case EffectHeld():
                    self._deactivations.labels(tenant, "held").inc()
                case ExpressionsFailed(failures=failures):
                    for failure in failures:
                        self._failing_mappings.add((tenant, failure.mapping))
                        self._expression_errors.labels(tenant, failure.mapping).inc()
                case _:
                    pass

    def set_credentials(self, expiries: CredentialTimes, uses: CredentialTimes) -> None:
        """By tenant and credential, all that there are."""
        for gauge, times in ((self._credential_expiry, expiries), (self._credential_use, uses)):
            gauge.clear()
            for labels, time in times.items():
                gauge.labels(*labels).set(time.timestamp())

    def set_webhooks(self, webhooks: Mapping[tuple[str, str], WebhookFigures]) -> None:
        """By tenant and name, all that there are; those that are gone disappear."""
        for gauge in (self._webhook_pending, self._webhook_lag, self._webhook_disabled):
            gauge.clear()
        for gone in self._webhooks - webhooks.keys():
            for result in DELIVERY_RESULTS:
                self._deliveries.remove(*gone, result)
        for labels, figures in webhooks.items():
            for result in DELIVERY_RESULTS:  # from zero on
                self._deliveries.labels(*labels, result)
            self._webhook_pending.labels(*labels).set(figures.pending)
            self._webhook_lag.labels(*labels).set(figures.lag_seconds)
            self._webhook_disabled.labels(*labels).set(figures.is_disabled)
        self._webhooks = set(webhooks)

    def text(self) -> bytes:
        """The exposition format."""
        return generate_latest(self.registry)


class _DroppedLines(Collector):
    """The count is kept where lines are dropped: below, and for the whole process."""

    def __init__(self, dropped: Callable[[], int]) -> None:
        self._dropped = dropped

    def collect(self) -> Iterator[Metric]:
        yield CounterMetricFamily(
            "scim_log_lines_dropped",
            "Lines of the log that standard error didn't take: see Logs.",
            value=self._dropped(),
        )
