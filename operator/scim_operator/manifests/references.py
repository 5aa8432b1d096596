"""Whether the objects of a world fit together: the plan's own verdicts, at the lines that they speak of."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

from scim_operator.api import PROVISIONING_CONFIG, ObjectKey, ProvisioningConfig, did_you_mean, reasons
from scim_operator.manifests.findings import Finding, Manifest, Severity
from scim_operator.manifests.reading import Manifests
from scim_operator.manifests.world import World, plan_world
from scim_operator.plan import Problem
from scim_server.config import ConfigBundle

# The plan needs a key for digests; whether references resolve doesn't depend on it.
_ANY_KEY = bytes(32)

_WARNINGS = frozenset((reasons.SECRET_NOT_FOUND, reasons.CREDENTIAL_EXPIRED, reasons.RULE_ENDED))
"""Secrets are often not kept with the manifests; credentials and rules end by themselves."""


def reference_findings(
    manifests: Manifests, now: datetime | None = None, served: ConfigBundle | None = None, *, local: bool = False
) -> tuple[Finding, ...]:
    """Problems between objects, in the order of kinds and names. Suspended configs are checked like others.

    `served` is what is served now, if anything is: then each problem says what is in effect meanwhile. In local mode
    nobody makes Secrets of other objects.
    """
    return tuple(_findings(manifests, now, served, local=local))


def _findings(
    manifests: Manifests, now: datetime | None, served: ConfigBundle | None, *, local: bool
) -> Iterator[Finding]:
    world = _resumed(manifests.world)
    for key, plan in plan_world(world, _ANY_KEY, now=now, previous=served).plans.items():
        if plan.config_verdict is not None:
            source = manifests.sources[PROVISIONING_CONFIG, key]
            for problem in plan.config_verdict.problems:
                hint = _secret_hint(problem, manifests, source, local=local)
                if hint is not None:
                    yield source.finding(_severity(problem), problem.path, f"{problem.message}{hint}")
        for (kind, mapping), verdict in sorted(plan.mapping_verdicts.items()):
            source = manifests.sources[kind, mapping]
            for problem in (*verdict.problems, *verdict.notes):
                message = _message(problem, manifests, key, (kind, mapping), served)
                yield source.finding(_severity(problem), problem.path, message)


def _secret_hint(problem: Problem, manifests: Manifests, source: Manifest, *, local: bool) -> str | None:
    """What else is known of a Secret that isn't there; None: nothing is wrong, a cluster makes it."""
    if problem.reason != reasons.SECRET_NOT_FOUND:
        return ""
    name: Any = source.value
    for part in problem.path:
        name = name[part]
    if ObjectKey(source.key.namespace, name) in manifests.made_secrets:
        return "; a cluster makes it, local mode doesn't" if local else None
    namespaces = sorted(
        key.namespace for key in {*manifests.world.secrets, *manifests.made_secrets} if key.name == name
    )
    return f"; there is one in namespace {namespaces[0]}" if namespaces else ""


def _severity(problem: Problem) -> Severity:
    return Severity.WARNING if problem.reason in _WARNINGS else Severity.ERROR


def _message(
    problem: Problem,
    manifests: Manifests,
    config: ObjectKey,
    mapping: tuple[str, ObjectKey],
    served: ConfigBundle | None,
) -> str:
    """In a cluster "not found" and "not permitted" read alike; here everything lies open, so say which."""
    if problem.reason != reasons.CONFIG_NOT_FOUND:
        return f"{problem.message}; {problem.effect}" if problem.effect and served is not None else problem.message
    namespace = mapping[1].namespace
    if config in manifests.world.configs:
        return (
            f"ProvisioningConfig {config} doesn't allow mappings from namespace {namespace}"
            " (its spec.allowedNamespaces)"
        )
    message = f"ProvisioningConfig {config} is not in these manifests"
    if config.namespace == namespace and not _gives_namespace(manifests.sources[mapping]):
        return f"{message}; this manifest gives no namespace, so it is {namespace} (-n NAMESPACE: another one)"
    for other in sorted(manifests.world.configs):
        if other.name == config.name and not _gives_namespace(manifests.sources[PROVISIONING_CONFIG, other]):
            return f"{message}, but {other}, whose manifest gives no namespace (-n {config.namespace}: that one)"
    known = [other.name for other in manifests.world.configs if other.namespace == config.namespace]
    return f"{message}{did_you_mean(config.name, known)}"


def _gives_namespace(manifest: Manifest) -> bool:
    return manifest.value["metadata"].get("namespace") is not None


def _resumed(world: World) -> World:
    """Nothing is planned for a suspended config, but it shall not hide mistakes."""
    return replace(world, configs={key: _active(config) for key, config in world.configs.items()})


def _active(config: ProvisioningConfig) -> ProvisioningConfig:
    return config.model_copy(update={"spec": config.spec.model_copy(update={"suspend": False})})
