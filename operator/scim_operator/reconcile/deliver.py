"""Step 4: bring the document to the servers, and to a higher revision where a server has seen one."""

from scim_operator.api import ObjectKey
from scim_operator.delivery import Delivery, DeliveryReport, Progress
from scim_operator.reconcile.apply import Applied, DocumentStore

_ATTEMPTS = 3


async def deliver(delivery: Delivery, store: DocumentStore, key: ObjectKey, applied: Applied) -> DeliveryReport:
    """How far this tenant's part of the document has got.

    A server has seen a higher revision than the operator's when the ConfigMap was deleted or restored from a backup,
    or when another installation wrote to the same database. Then the same content gets a higher revision.
    """
    delivery.offer(applied.bundle)
    report = await delivery.deliver(applied.since)
    for _ in range(_ATTEMPTS):
        if report.progress is not Progress.STALE:
            break
        delivery.offer(await store.raise_revision(above=delivery.floor))
        report = await delivery.deliver(store.since(key))
    return report
