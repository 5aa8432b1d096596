"""Whether one changed mapping costs the cluster one shard instead of the whole installation."""

from collections.abc import Iterable

import orjson

from benchmarks.bench import Bench, Ratio, Workshop
from benchmarks.many_objects import write_many_objects
from scim_operator.manifests import load, plan_world
from scim_operator.plan import assemble
from scim_operator.reconcile.shards import EncodedShard, ShardNames, StoredShard, StoredTenant, shard_of_key
from scim_server.config import encode_config, encode_secrets, new_token_key

_CONFIGS = 1000
"""ProvisioningConfigs, each with a Secret and five RoleMappings of three rules."""
_NAMES = ShardNames("scim-system")


def _run(workshop: Workshop) -> list[Ratio]:
    folder = workshop.directory / "manifests"
    folder.mkdir()
    write_many_objects(folder, _CONFIGS)
    token_key = new_token_key()
    with workshop.doing(f"planning {_CONFIGS:,} ProvisioningConfigs"):
        plans = plan_world(load([folder]).world, token_key).plans
    tenants = {key: part for key, plan in plans.items() if (part := StoredTenant.of(plan)) is not None}
    whole = _bytes(None, tenants.values(), token_key)
    number = shard_of_key(next(iter(tenants)))
    shard = _bytes(number, (part for key, part in tenants.items() if shard_of_key(key) == number), token_key)
    for name, (written, pushed) in (("all in one pair", whole), ("the mapping's shard", shard)):
        workshop.say(name, f"{written:,} bytes written to the API server, {pushed:,} pushed to each server")
    return [
        Ratio("one_mapping, bytes written: its shard ÷ all", shard[0] / whole[0], "≤ 0.15"),
        Ratio("one_mapping, bytes pushed: its shard ÷ all", shard[1] / whole[1], "≤ 0.15"),
    ]


def _bytes(shard: int | None, parts: Iterable[StoredTenant], token_key: bytes) -> tuple[int, int]:
    """Of the ConfigMap and the Secret as they are applied, and of the body of a push."""
    bundle = assemble(((part.tenant, part.digests) for part in parts), token_key, 1, shard)
    encoded = EncodedShard(bundle, encode_config(bundle.config), encode_secrets(bundle.secrets), "")
    objects = encoded.objects(_NAMES, StoredShard(shard))
    return sum(len(orjson.dumps(one)) for one in objects), len(bundle.encode())


ONE_MAPPING = Bench(
    "one_mapping",
    "bytes written and pushed for one changed mapping of 5,000: its shard ÷ all shards in one",
    _run,
    databases=("SQLite",),
)
