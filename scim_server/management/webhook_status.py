"""How the webhooks of a tenant are: for the status, and for metrics."""

from collections.abc import Iterable

from scim_server.config import Tenant
from scim_server.management.models import WebhookFailure, WebhookState, WebhookStatus
from scim_server.storage.protocol import Reader, Storage
from scim_server.storage.records import StoredWebhook
from scim_server.storage.tables.deliveries import Backlog


async def webhook_statuses(
    storage: Storage, tenant: Tenant, stored: Iterable[StoredWebhook]
) -> tuple[WebhookStatus, ...]:
    """Of those that the tenant has now, in its order. One that the database doesn't know yet is left out."""
    known = {each.name: each for each in stored if each.tenant == tenant.key}
    names = [webhook.name for webhook in tenant.webhooks if webhook.name in known]

    async def work(reader: Reader) -> list[Backlog]:
        return [await reader.delivery_backlog(name, known[name].position, known[name].types) for name in names]

    backlogs = await storage.read(tenant.key, work) if names else []
    return tuple(_status(known[name], backlog) for name, backlog in zip(names, backlogs, strict=True))


def _status(stored: StoredWebhook, backlog: Backlog) -> WebhookStatus:
    state = WebhookState.ACTIVE
    if stored.disabled is not None:
        state = WebhookState.DISABLED
    elif stored.failing_since is not None:
        state = WebhookState.FAILING
    failure = None
    if stored.last_failure is not None:
        failure = WebhookFailure(time=stored.last_failure, reason=stored.last_error or "")
    return WebhookStatus(
        name=stored.name,
        state=state,
        last_delivery=stored.last_delivery,
        last_failure=failure,
        pending=backlog.number,
        oldest_pending=backlog.oldest,
    )
