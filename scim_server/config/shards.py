"""The configuration comes in a fixed number of shards, so that a change costs its shard and not the installation.

A tenant is whole in one shard, which its key tells. Each shard has a revision of its own, which only rises.
"""

import hashlib
from typing import Annotated

from pydantic import Field

SHARD_COUNT = 16
"""Never changed: a tenant that moved to another shard would be in two of them while the servers are told."""

SHARDS = range(SHARD_COUNT)

ShardNumber = Annotated[int, Field(strict=True, ge=0, lt=SHARD_COUNT)]


def shard_of(tenant_key: str) -> int:
    """The number of the shard that holds the tenant `namespace/name`."""
    return hashlib.sha256(tenant_key.encode()).digest()[0] % SHARD_COUNT


def shard_name(base: str, shard: int) -> str:
    """Of the ConfigMap or the Secret of a shard."""
    return f"{base}-{shard:02}"


def config_file(shard: int | None) -> str:
    """Key in the ConfigMap and name of the mounted file: compressed, because a ConfigMap ends at 1 MiB. None: of the
    whole configuration."""
    return f"{_base('server-config', shard)}.json.gz"


def secrets_file(shard: int | None) -> str:
    """Key in the Secret and name of the mounted file."""
    return f"{_base('server-secrets', shard)}.json"


def _base(name: str, shard: int | None) -> str:
    return name if shard is None else shard_name(name, shard)
