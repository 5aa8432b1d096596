"""The index: a ConfigMap that names each shard's revision. It is written last. Pure.

While it is missing, not all shards have been written yet. A shard that is lost gets a revision above the one named
here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from scim_operator.reconcile.shards import ShardNames, object_metadata, resource_version
from scim_server.config import SHARDS

INDEX_FILE = "shards.json"
"""Key in the ConfigMap."""


@dataclass(frozen=True, slots=True)
class Index:
    """`version` is None when there is none."""

    revisions: Mapping[int, int] = field(default_factory=dict)
    version: str | None = None


def parse_index(config_map: Mapping[str, Any] | None) -> Index:
    """Never raises: what can't be read counts as missing."""
    try:
        named = orjson.loads(((config_map or {}).get("data") or {}).get(INDEX_FILE) or b"{}")
    except orjson.JSONDecodeError:
        named = {}
    revisions = {shard: named.get(str(shard)) for shard in SHARDS} if isinstance(named, dict) else {}
    return Index(
        {shard: revision for shard, revision in revisions.items() if isinstance(revision, int) and revision > 0},
        resource_version(config_map),
    )


def index_object(names: ShardNames, index: Index, writer: str) -> dict[str, Any]:
    """To be applied, on the condition that the index has this version still."""
    named = {str(shard): revision for shard, revision in sorted(index.revisions.items())}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": object_metadata(names.index_key, index.version, writer),
        "data": {INDEX_FILE: orjson.dumps(named).decode()},
    }
