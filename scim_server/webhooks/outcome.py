"""What a delivery is after an attempt."""

from dataclasses import replace
from datetime import datetime, timedelta

from scim_server.storage.records import Delivery, DeliveryState
from scim_server.webhooks.retries import TRIED_FOR, delay_after
from scim_server.webhooks.sender import Answer


def after_attempt(delivery: Delivery, answer: Answer, now: datetime) -> Delivery:
    attempts = delivery.attempts + 1
    tried = replace(delivery, attempts=attempts, tried=now, status=answer.status, error=answer.error)
    if answer.error is None:
        return replace(tried, state=DeliveryState.DELIVERED, next_at=None)
    if answer.gone:  # as soon as the webhook is enabled again
        return replace(tried, state=DeliveryState.PENDING, next_at=now)
    if is_too_old(delivery, now):
        return replace(tried, state=DeliveryState.FAILED, next_at=None)
    delay = max(delay_after(attempts), answer.retry_after or timedelta(0))
    return replace(tried, state=DeliveryState.PENDING, next_at=now + delay)


def is_too_old(delivery: Delivery, now: datetime) -> bool:
    """Whether it is given up when it fails."""
    return now - delivery.since >= TRIED_FOR
