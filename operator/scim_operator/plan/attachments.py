"""Which mappings take part in a tenant."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from scim_operator.api import AttributeMapping, ObjectKey, ProvisioningConfig, RoleMapping, reasons
from scim_operator.plan.consent import allows_namespace
from scim_operator.plan.inputs import TenantInputs
from scim_operator.plan.verdicts import MappingVerdict, Problem
from scim_server.config import Tenant

_M = TypeVar("_M", RoleMapping, AttributeMapping)

MappingKey = tuple[str, ObjectKey]
"""Kind and key."""

Permits = Callable[[ObjectKey], bool]
"""Whether a mapping of that key may attach."""


@dataclass(frozen=True, slots=True)
class Attachments:
    """Living mappings, by key, split by permission. What is being deleted takes part in nothing."""

    role_mappings: tuple[RoleMapping, ...]
    attribute_mappings: tuple[AttributeMapping, ...]
    unreadable: Mapping[MappingKey, str]
    """Those that don't parse, and why."""

    refused: tuple[MappingKey, ...]
    """Of all of them."""

    @property
    def permitted(self) -> tuple[RoleMapping | AttributeMapping, ...]:
        return *self.role_mappings, *self.attribute_mappings


def attachments(inputs: TenantInputs, permits: Permits) -> Attachments:
    roles, refused_roles = _split(inputs.role_mappings, permits)
    attributes, refused_attributes = _split(inputs.attribute_mappings, permits)
    unreadable = sorted(inputs.invalid_mappings.items())
    return Attachments(
        role_mappings=tuple(roles),
        attribute_mappings=tuple(attributes),
        unreadable={key: why for key, why in unreadable if permits(key[1])},
        refused=(
            *((mapping.kind, mapping.key) for mapping in (*refused_roles, *refused_attributes)),
            *(key for key, _ in unreadable if not permits(key[1])),
        ),
    )


def permitted_by(config: ProvisioningConfig, namespaces: Mapping[str, Mapping[str, str]]) -> Permits:
    """What the config itself allows."""
    allowed, own = config.spec.allowed_namespaces, config.metadata.namespace

    def permits(mapping: ObjectKey) -> bool:
        return allows_namespace(allowed, own, mapping.namespace, namespaces.get(mapping.namespace, {}))

    return permits


def permitted_unread(config_key: ObjectKey, previous: Tenant | None) -> Permits:
    """For a config that doesn't parse, so that what it allows isn't known: mappings of its own namespace, and those
    that take part already."""
    known: set[str] = set()
    if previous is not None:
        known = {rule.mapping for rule in previous.rules} | {rule.mapping for rule in previous.attributes}

    def permits(mapping: ObjectKey) -> bool:
        return mapping.namespace == config_key.namespace or str(mapping) in known

    return permits


def permitted_never(_: ObjectKey) -> bool:
    """For a config that isn't there."""
    return False


def config_not_found(config: ObjectKey, namespace: str) -> MappingVerdict:
    """One message for "there is none" and "it doesn't allow this namespace": see `reasons.CONFIG_NOT_FOUND`. Its own
    namespace is always allowed."""
    message = f"ProvisioningConfig {config} was not found"
    if namespace != config.namespace:
        message += f", or does not allow mappings from namespace {namespace}"
    return MappingVerdict.refused(Problem(("spec", "configRef"), reasons.CONFIG_NOT_FOUND, message))


def config_invalid(config: ObjectKey) -> MappingVerdict:
    message = f"the spec of ProvisioningConfig {config} is invalid, and no valid one came before"
    return MappingVerdict.refused(Problem(("spec", "configRef"), reasons.CONFIG_INVALID, message))


def _split(mappings: Iterable[_M], permits: Permits) -> tuple[list[_M], list[_M]]:
    permitted: list[_M] = []
    refused: list[_M] = []
    for mapping in sorted(mappings, key=lambda mapping: mapping.key):
        if not mapping.being_deleted:
            (permitted if permits(mapping.key) else refused).append(mapping)
    return permitted, refused
