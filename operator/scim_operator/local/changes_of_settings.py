"""What is different between the safety and the delivery of two configurations of a tenant, in lines. Pure."""

from collections.abc import Iterable, Mapping

from scim_operator.api.conditions import format_time
from scim_server.config import DeactivationLimit, ProtectedUser, Safety, Tenant, Webhook


def describe_duration(seconds: int) -> str:
    """As in a manifest: `2160h`, `15m`, `90s`."""
    for unit, length in (("h", 3600), ("m", 60)):
        if seconds and seconds % length == 0:
            return f"{seconds // length}{unit}"
    return f"{seconds}s"


def safety_changes(old: Safety, new: Safety) -> Iterable[str]:
    before, after = ({_user(user) for user in safety.protected_users} for safety in (old, new))
    yield from (f"user {user} is protected now" for user in sorted(after - before))
    yield from (f"user {user} is no longer protected" for user in sorted(before - after))
    if old.max_deactivations != new.max_deactivations:
        yield f"holds deactivations beyond {_limit(new.max_deactivations)}"
    if old.max_role_changes != new.max_role_changes:
        limit = new.max_role_changes
        yield f"holds lost roles beyond {limit.percent} % or {limit.count} holders"
    if (old.hold_for_seconds, old.on_hold_expiry) != (new.hold_for_seconds, new.on_hold_expiry):
        yield f"holds end after {describe_duration(new.hold_for_seconds)} with {new.on_hold_expiry.value}"
    decided = {one.hold: one.decision for one in old.decisions}
    for decision in new.decisions:
        if decided.pop(decision.hold, None) is not decision.decision:
            yield f"hold {decision.hold}: {decision.decision.value} is decided"
    yield from (f"hold {hold}: the decision is gone" for hold in sorted(decided))


def webhook_changes(
    old: Tenant, new: Tenant, old_keys: Mapping[str, tuple[str, ...]], new_keys: Mapping[str, tuple[str, ...]]
) -> Iterable[str]:
    before = {webhook.name: webhook for webhook in old.webhooks}
    after = {webhook.name: webhook for webhook in new.webhooks}
    for name in sorted(before.keys() | after.keys()):
        if name not in after:
            yield f"webhook {name} gets no events any more"
            continue
        if before.get(name) != after[name]:
            yield f"webhook {name} {_sent(after[name])}"
        keys = new_keys.get(new.webhook_key(name), ())
        if name in before and keys != old_keys.get(old.webhook_key(name), ()):
            yield f"webhook {name} {'has other signing keys' if keys else 'waits for a signing key'}"


def capture_change(old: Tenant, new: Tenant) -> Iterable[str]:
    if old.capture_until != new.capture_until:
        until = f"are kept until {format_time(new.capture_until)}" if new.capture_until else "are not kept any more"
        yield f"requests with their bodies {until}"


def _user(user: ProtectedUser) -> str:
    if user.external_id is not None:
        return f"with externalId {user.external_id}"
    return user.user_name if user.user_name is not None else f"with id {user.id}"


def _limit(limit: DeactivationLimit) -> str:
    return f"{limit.percent} % or {limit.count} users within {describe_duration(limit.per_seconds)}"


def _sent(webhook: Webhook) -> str:
    return f"gets {', '.join(webhook.events)} at {webhook.url} as {webhook.format.value}"
