"""As much of what is planned as fits into a shard. Pure.

What was removed goes always. What is new waits where it doesn't fit, the others' parts and what is delivered stay.
"""

from collections.abc import Callable, Mapping

from scim_operator.api import ObjectKey
from scim_operator.reconcile.shards import EncodedShard, StoredShard, StoredTenant, StoredTenants

LARGEST_OBJECT = 1 << 20
"""What the API server accepts as the data of one ConfigMap or Secret, in bytes."""

KEPT_FOR_REMOVALS = 16 << 10
"""Bytes of each that additions leave free: less text can compress to a few bytes more, and a removal must fit."""

Planned = Mapping[ObjectKey, StoredTenant | None]
"""What tenants are to be, the oldest first; None: there is to be none."""


class ShardTooLarge(Exception):
    """Not even less than what is stored fits."""


def fit(
    stored: StoredShard, planned: Planned, encode: Callable[[StoredTenants], EncodedShard]
) -> tuple[dict[ObjectKey, StoredTenant], EncodedShard]:
    """The tenants of the shard, and these encoded. Raises `ShardTooLarge`."""
    tenants = _with(stored.tenants, planned)
    encoded = encode(tenants)
    if _may_be_added(encoded, stored):
        return tenants, encoded
    less = {
        key: before.reduced_to(part) if (before := stored.tenants.get(key)) else None for key, part in planned.items()
    }
    tenants = _with(stored.tenants, less)
    encoded = encode(tenants)
    if max(encoded.sizes) > LARGEST_OBJECT:
        raise ShardTooLarge(f"shard {stored.shard} has more than {LARGEST_OBJECT} bytes")
    for key, part in planned.items():
        if part != tenants.get(key):
            more = _with(tenants, {key: part})
            candidate = encode(more)
            if _may_be_added(candidate, stored):
                tenants, encoded = more, candidate
    return tenants, encoded


def _may_be_added(encoded: EncodedShard, stored: StoredShard) -> bool:
    """Whether enough is left free, or it is no larger than what is there."""
    free = LARGEST_OBJECT - KEPT_FOR_REMOVALS
    return all(size <= max(free, before) for size, before in zip(encoded.sizes, stored.sizes, strict=True))


def _with(tenants: StoredTenants, changes: Planned) -> dict[ObjectKey, StoredTenant]:
    all_of_them = {**tenants, **changes}
    return {key: part for key, part in all_of_them.items() if part is not None}
