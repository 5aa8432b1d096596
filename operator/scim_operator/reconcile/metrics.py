"""What the operator tells Prometheus."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from scim_operator.api import ObjectKey
from scim_operator.delivery import Authorities, Delivery
from scim_operator.reconcile.queue import RetryLater
from scim_server.config import SHARDS


@dataclass(slots=True)
class Outcomes:
    """Of a reconcile: what went wrong with which ProvisioningConfig."""

    failures: Mapping[ObjectKey, Exception] = field(default_factory=dict)


class Metrics:
    """All of them, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._reconciles = Counter(
            "scim_operator_reconciles",
            "Reconciles of a ProvisioningConfig: done, retry (something outside is missing) or error.",
            ["outcome"],
            registry=self.registry,
        )
        # From zero on: a counter that begins with 1 has no increase that an alert could see.
        for outcome in ("done", "retry", "error"):
            self._reconciles.labels(outcome)
        self._seconds = Histogram(
            "scim_operator_reconcile_seconds",
            "Time of one reconcile of the ProvisioningConfigs of a shard that are due together, delivery included.",
            buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
            registry=self.registry,
        )
        self._depth = Gauge("scim_operator_queue_depth", "ProvisioningConfigs that wait.", registry=self.registry)
        self._replicas = Gauge(
            "scim_operator_replicas",
            "Server replicas: current where the newest revision of every shard runs, else outdated.",
            ["state"],
            registry=self.registry,
        )
        self._authorities = Gauge(
            "scim_operator_server_ca_broken",
            "1 while the file of --server-ca-file can't be used: what it held before goes on, and the log says why.",
            registry=self.registry,
        )
        self._revision = Gauge(
            "scim_operator_config_revision", "Newest revision of each shard.", ["shard"], registry=self.registry
        )

    def watch(self, queue_depth: Callable[[], int], delivery: Delivery) -> None:
        """Where the gauges read from, at each scrape."""
        self._depth.set_function(queue_depth)
        for shard in SHARDS:
            self._revision.labels(str(shard)).set_function(partial(delivery.revision, shard))
        self.registry.register(_Faults(delivery))
        self._replicas.labels("current").set_function(lambda: delivery.current_replicas)
        self._replicas.labels("outdated").set_function(lambda: len(delivery.replicas) - delivery.current_replicas)

    def watch_authorities(self, authorities: Authorities) -> None:
        self._authorities.set_function(authorities.is_broken)

    @contextmanager
    def reconcile(self, configs: int) -> Iterator[Outcomes]:
        """Count and time one reconcile of so many ProvisioningConfigs."""
        began, outcomes = time.perf_counter(), Outcomes()
        try:
            yield outcomes
        except Exception as error:
            self._reconciles.labels(_outcome(error)).inc(configs)
            raise
        else:
            for failure in outcomes.failures.values():
                self._reconciles.labels(_outcome(failure)).inc()
            self._reconciles.labels("done").inc(configs - len(outcomes.failures))
        finally:
            self._seconds.observe(time.perf_counter() - began)


def _outcome(error: Exception) -> str:
    return "retry" if isinstance(error, RetryLater) else "error"


class _Faults(Collector):
    """What is wrong with which replica: conditions don't say, because they concern thousands of objects."""

    def __init__(self, delivery: Delivery) -> None:
        self._delivery = delivery

    def collect(self) -> Iterator[Metric]:
        faults = GaugeMetricFamily(
            "scim_operator_replica_fault", "1 for each server replica that is unwell.", labels=["replica", "fault"]
        )
        for replica, fault in self._delivery.faults:
            faults.add_metric([replica, fault], 1)
        yield faults
