"""Which changes of conditions are worth an Event. Pure.

Bad news of the object itself, which its author can do something about, and their end. What concerns the servers would
be one Event for each object there is; a first "all is well" is no news.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from scim_operator.api import former_users_note, reasons
from scim_operator.reconcile.told import WEBHOOK_ACTIVE

_WHILE_IT_IS_SO = frozenset((reasons.GROUP_NOT_FOUND, reasons.EXPRESSION_FAILED))
"""There while they are bad. Holds are told one by one."""

_ANNOUNCED = _WHILE_IT_IS_SO | {reasons.STALLED, reasons.RESOLVED_REFS, reasons.ACCEPTED, reasons.PROGRAMMED}


@dataclass(frozen=True, slots=True)
class Announcement:
    bad: bool
    reason: str
    note: str


def announcements(existing: Iterable[Mapping[str, Any]], wanted: Iterable[Mapping[str, Any]]) -> list[Announcement]:
    """Of conditions whose status or reason is new."""
    before = {condition.get("type"): condition for condition in existing}
    after = {condition["type"]: condition for condition in wanted}
    if reasons.ACCEPTED in after:  # of a mapping, of which Stalled says the same
        after.pop(reasons.STALLED, None)
    found = []
    for type_, condition in after.items():
        if type_ not in _ANNOUNCED:
            continue
        old = before.get(type_, {})
        bad, was_bad = _is_bad(condition), _is_bad(old)
        moved = (old.get("status"), old.get("reason")) != (condition["status"], condition["reason"])
        if moved and (bad or was_bad):
            note = f"{type_}={condition['status']}: {condition['message']}"
            found.append(Announcement(bad, condition["reason"], note))
    return found


def announcements_of_fields(existing: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[Announcement]:
    """Of holds, webhooks and former users of a ProvisioningConfig, that its status says anew. Without names of users:
    more people read Events."""
    return [*_of_holds(existing, wanted), *_of_webhooks(existing, wanted), *_of_former_users(existing, wanted)]


def _of_holds(existing: Mapping[str, Any], wanted: Mapping[str, Any]) -> Iterable[Announcement]:
    before = {hold["id"]: hold for hold in existing.get("holds") or ()}
    after = {hold["id"]: hold for hold in wanted.get("holds") or ()}
    for id_, hold in after.items():
        if id_ not in before:
            until = f"until {hold['expires']}" if "expires" in hold else "as long as they are protected"
            note = f"hold {id_} ({hold['kind']}): effects on {_users(hold['count'])} wait {until}"
            yield Announcement(True, reasons.HELD, note)
    for id_, hold in before.items():
        if id_ not in after:
            yield Announcement(False, reasons.HOLD_ENDED, f"hold {id_} ({hold['kind']}) has ended")


def _of_webhooks(existing: Mapping[str, Any], wanted: Mapping[str, Any]) -> Iterable[Announcement]:
    before = {webhook["name"]: webhook["state"] for webhook in existing.get("webhooks") or ()}
    for webhook in wanted.get("webhooks") or ():
        name, state, old = webhook["name"], webhook["state"], before.get(webhook["name"], WEBHOOK_ACTIVE)
        if state == old:
            continue
        if state == WEBHOOK_ACTIVE:
            yield Announcement(False, reasons.WEBHOOK_RECOVERED, f"webhook {name} takes events again")
        elif state == "Disabled":
            note = f"webhook {name} answered 410: nothing is sent until it is changed"
            yield Announcement(True, reasons.WEBHOOK_DISABLED, note)
        else:
            why = webhook.get("lastFailure", {}).get("reason", "it doesn't answer")
            yield Announcement(True, reasons.WEBHOOK_FAILING, f"webhook {name} doesn't take events: {why}")


def _of_former_users(existing: Mapping[str, Any], wanted: Mapping[str, Any]) -> Iterable[Announcement]:
    former = wanted.get("formerUsers")
    if former is not None and former != existing.get("formerUsers"):
        yield Announcement(True, reasons.FORMER_USERS, former_users_note(former["count"]))


def _users(count: int) -> str:
    return "1 user" if count == 1 else f"{count} users"


def _is_bad(condition: Mapping[str, Any]) -> bool:
    status, reason = condition.get("status"), condition.get("reason")
    match condition.get("type"):
        case reasons.STALLED | reasons.GROUP_NOT_FOUND | reasons.EXPRESSION_FAILED:
            return status == "True"
        case reasons.PROGRAMMED:  # its other reasons are the servers', or are told by another condition
            return status == "False" and reason == reasons.SHARD_FULL
        case None:
            return False
        case _:
            return status == "False"
