"""Which mappings take part in a tenant."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from scim_operator.api import AttributeMapping, ObjectKey, ProvisioningConfig, RoleMapping, reasons
from scim_operator.plan.consent import allows_namespace
from scim_operator.plan.verdicts import MappingVerdict, Problem
from scim_server.config import Tenant

_M = TypeVar("_M", RoleMapping, AttributeMapping)

Permits = Callable[[RoleMapping | AttributeMapping], bool]
"""Whether a mapping may attach."""


@dataclass(frozen=True, slots=True)
class Attachments:
    """Living mappings, by key, split by permission. What is being deleted takes part in nothing."""

    role_mappings: tuple[RoleMapping, ...]
    attribute_mappings: tuple[AttributeMapping, ...]
    refused: tuple[RoleMapping | AttributeMapping, ...]

    @property
    def permitted(self) -> tuple[RoleMapping | AttributeMapping, ...]:
        return *self.role_mappings, *self.attribute_mappings


def attachments(
    role_mappings: Iterable[RoleMapping], attribute_mappings: Iterable[AttributeMapping], permits: Permits
) -> Attachments:
    roles, refused_roles = _split(role_mappings, permits)
    attributes, refused_attributes = _split(attribute_mappings, permits)
    return Attachments(tuple(roles), tuple(attributes), (*refused_roles, *refused_attributes))


def permitted_by(config: ProvisioningConfig, namespaces: Mapping[str, Mapping[str, str]]) -> Permits:
    """What the config itself allows."""
    allowed, own = config.spec.allowed_namespaces, config.metadata.namespace

    def permits(mapping: RoleMapping | AttributeMapping) -> bool:
        namespace = mapping.metadata.namespace
        return allows_namespace(allowed, own, namespace, namespaces.get(namespace, {}))

    return permits


def permitted_unread(config_key: ObjectKey, previous: Tenant | None) -> Permits:
    """For a config that doesn't parse, so that nobody knows what it allows: mappings of its own namespace, and
    those that take part already."""
    known: set[str] = set()
    if previous is not None:
        known = {rule.mapping for rule in previous.rules} | {rule.mapping for rule in previous.attributes}

    def permits(mapping: RoleMapping | AttributeMapping) -> bool:
        return mapping.metadata.namespace == config_key.namespace or str(mapping.key) in known

    return permits


def permitted_never(_: RoleMapping | AttributeMapping) -> bool:
    """For a config that isn't there."""
    return False


def config_not_found(config: ObjectKey, namespace: str) -> MappingVerdict:
    """One message for "there is none" and "it doesn't allow this namespace": see `reasons.CONFIG_NOT_FOUND`."""
    message = f"ProvisioningConfig {config} was not found, or does not allow mappings from namespace {namespace}"
    return MappingVerdict.refused(Problem(("spec", "configRef"), reasons.CONFIG_NOT_FOUND, message))


def config_invalid(config: ObjectKey) -> MappingVerdict:
    message = f"the spec of ProvisioningConfig {config} is invalid, and no valid one came before"
    return MappingVerdict.refused(Problem(("spec", "configRef"), reasons.CONFIG_INVALID, message))


def _split(mappings: Iterable[_M], permits: Permits) -> tuple[list[_M], list[_M]]:
    permitted: list[_M] = []
    refused: list[_M] = []
    for mapping in sorted(mappings, key=lambda mapping: mapping.key):
        if not mapping.being_deleted:
            (permitted if permits(mapping) else refused).append(mapping)
    return permitted, refused
