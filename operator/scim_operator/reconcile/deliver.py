"""Step 4: bring the document to the servers, and to a higher revision where a server has seen one."""

from scim_operator.delivery import Delivery, DeliveryReport, Progress
from scim_operator.reconcile.apply import DocumentStore
from scim_server.config import ConfigBundle

_ATTEMPTS = 3


async def deliver(delivery: Delivery, store: DocumentStore, bundle: ConfigBundle) -> DeliveryReport:
    """How far `bundle` (or the same content under a higher revision) has got.

    A server has seen a higher revision than the operator's when the ConfigMap was deleted or restored from a backup,
    or when another installation wrote to the same database.
    """
    delivery.offer(bundle)
    report = await delivery.deliver(bundle.revision)
    for _ in range(_ATTEMPTS):
        if report.progress is not Progress.STALE:
            break
        bundle = await store.raise_revision(above=report.floor)
        delivery.offer(bundle)
        report = await delivery.deliver(bundle.revision)
    return report
