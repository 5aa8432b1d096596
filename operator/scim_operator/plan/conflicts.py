"""Which AttributeMapping has a target or a schema that several claim: the oldest, then the first by namespace and
name."""

from collections.abc import Iterable
from datetime import UTC, datetime

from scim_operator.api import AttributeMapping

_NO_TIME = datetime.max.replace(tzinfo=UTC)
"""Age of an object in a folder of manifests: all alike, so the names decide."""


def by_precedence(mappings: Iterable[AttributeMapping]) -> list[AttributeMapping]:
    """Those that win first, as in Gateway API."""
    return sorted(mappings, key=lambda mapping: (mapping.metadata.creation_timestamp or _NO_TIME, mapping.key))


def winners(mappings: Iterable[AttributeMapping]) -> dict[str, AttributeMapping]:
    """The mapping that has each target."""
    claimed: dict[str, AttributeMapping] = {}
    for mapping in by_precedence(mappings):
        for attribute in mapping.spec.attributes:
            claimed.setdefault(attribute.target, mapping)
    return claimed


def schema_winners(mappings: Iterable[AttributeMapping]) -> dict[str, AttributeMapping]:
    """The mapping that declares each schema, by URN in lower case."""
    claimed: dict[str, AttributeMapping] = {}
    for mapping in by_precedence(mappings):
        for schema in mapping.spec.schemas:
            claimed.setdefault(schema.id.lower(), mapping)
    return claimed
