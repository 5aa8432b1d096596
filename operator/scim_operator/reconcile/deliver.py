"""Step 5: bring a shard to the servers, and to a higher revision where a server has seen one."""

from scim_operator.delivery import Delivery, Progress
from scim_operator.reconcile.shards import StoredShard
from scim_operator.reconcile.store import ShardStore

_ATTEMPTS = 3


async def deliver(delivery: Delivery, store: ShardStore, stored: StoredShard, since: int) -> None:
    """Returns when the servers have answered, or run revision `since` already.

    A server has seen a higher revision than the operator's when a ConfigMap was deleted or restored from a backup, or
    when another installation wrote to the same database. Then the same content gets a higher revision.
    """
    if stored.bundle is None or stored.shard is None:
        raise ValueError("only a whole shard can be delivered")
    shard = stored.shard
    delivery.offer(stored.bundle)
    report = await delivery.deliver(shard, since)
    for _ in range(_ATTEMPTS):
        if report.progress is not Progress.STALE:
            return
        stored = await store.replace(await store.read(shard), {}, above=delivery.floor(shard))
        await store.write_index()
        if stored.bundle is not None:
            delivery.offer(stored.bundle)
        report = await delivery.deliver(shard, stored.revision)
