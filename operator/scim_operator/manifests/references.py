"""Whether the objects of a world fit together: the plan's own verdicts, at the lines that they speak of."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from scim_operator.api import PROVISIONING_CONFIG, ObjectKey, ProvisioningConfig, reasons
from scim_operator.manifests.findings import Finding, Severity
from scim_operator.manifests.reading import Manifests
from scim_operator.manifests.world import World, plan_world
from scim_operator.plan import Problem
from scim_server.config import ConfigBundle

# The plan needs a key for digests; whether references resolve doesn't depend on it.
_ANY_KEY = bytes(32)

_WARNINGS = frozenset((reasons.SECRET_NOT_FOUND, reasons.CREDENTIAL_EXPIRED))
"""Secrets are often not kept with the manifests, and a credential expires by itself."""


def reference_findings(
    manifests: Manifests, now: datetime | None = None, served: ConfigBundle | None = None
) -> tuple[Finding, ...]:
    """Problems between objects, in the order of kinds and names. Suspended configs are checked like others.

    `served` is what is served now, if anything is: then each problem says what is in effect meanwhile.
    """
    return tuple(_findings(manifests, now, served))


def _findings(manifests: Manifests, now: datetime | None, served: ConfigBundle | None) -> Iterator[Finding]:
    world = _resumed(manifests.world)
    for key, plan in plan_world(world, _ANY_KEY, now=now, previous=served).plans.items():
        if plan.config_verdict is not None:
            source = manifests.sources[PROVISIONING_CONFIG, key]
            for problem in plan.config_verdict.problems:
                yield source.finding(_severity(problem), problem.path, problem.message)
        for (kind, mapping), verdict in sorted(plan.mapping_verdicts.items()):
            source = manifests.sources[kind, mapping]
            for problem in verdict.problems:
                yield source.finding(_severity(problem), problem.path, _message(problem, world, key, mapping, served))


def _severity(problem: Problem) -> Severity:
    return Severity.WARNING if problem.reason in _WARNINGS else Severity.ERROR


def _message(
    problem: Problem, world: World, config: ObjectKey, mapping: ObjectKey, served: ConfigBundle | None
) -> str:
    """In a cluster "not found" and "not permitted" read alike; here everything lies open, so say which."""
    if problem.reason != reasons.CONFIG_NOT_FOUND:
        return f"{problem.message}; {problem.effect}" if problem.effect and served is not None else problem.message
    if config in world.configs:
        return (
            f"ProvisioningConfig {config} doesn't allow mappings from namespace {mapping.namespace}"
            " (its spec.allowedNamespaces)"
        )
    return f"ProvisioningConfig {config} is not in these manifests"


def _resumed(world: World) -> World:
    """Nothing is planned for a suspended config, but it shall not hide mistakes."""
    return replace(world, configs={key: _active(config) for key, config in world.configs.items()})


def _active(config: ProvisioningConfig) -> ProvisioningConfig:
    return config.model_copy(update={"spec": config.spec.model_copy(update={"suspend": False})})
