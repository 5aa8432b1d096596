"""The line of a request in the sync log, where the request is committed."""

import time
import uuid
from collections import Counter
from collections.abc import Iterator

import orjson

from scim_server.changes.operations import counted, operation_done
from scim_server.scim.schema import JsonObject
from scim_server.storage.effects import (
    Effect,
    EffectHeld,
    ExpressionsFailed,
    GroupMembersChanged,
    GroupUpdated,
    MembersLeftOut,
    RolesChanged,
    RolesPending,
    UserUpdated,
)
from scim_server.storage.records import Document
from scim_server.storage.session import Transaction
from scim_server.storage.tables.sync_log import LogLine

_MOST_ROLES = 100
"""Roles of which a line tells that users gained or lost them."""


def line_of(tx: Transaction, *, observed: bool = False) -> LogLine | None:
    """None where no request is the cause. `observed`: what it set isn't applied."""
    request = tx.cause.request
    if request is None:
        return None
    effects = tx.effects.all
    gained: Counter[str] = Counter()
    lost: Counter[str] = Counter()
    changed: set[str] = set()
    subject = tx.subject
    for effect in effects:
        match effect:
            case RolesChanged(changes=changes):
                for change in changes:
                    gained.update([*change.added])
                    lost.update([*change.removed])
            case UserUpdated(before=before, user=user):
                changed.update(_changed(before.document, user.document))
                subject = user
            case GroupUpdated(before=group, group=after):
                changed.update(_changed(group.document, after.document))
                subject = after
            case GroupMembersChanged():
                changed.add("members")
            case _:
                pass
    name = None if subject is None else subject.document.get("userName") or subject.document.get("displayName")
    line: JsonObject = {
        "userAgent": request.user_agent,
        "detail": _detail(effects, observed=observed),
        "changed": sorted(changed),
        "gained": _counts(gained),
        "lost": _counts(lost),
        "durationMs": round((time.perf_counter() - request.started) * 1000, 2),
    }
    return LogLine(
        str(uuid.uuid4()),
        tx.now,
        request.id,
        request.credential,
        operation_done(effects),
        request.resource_type,
        request.resource_id or (None if subject is None else subject.id),
        name,
        request.status,
        orjson.dumps(line).decode(),
    )


def _changed(before: Document, after: Document) -> Iterator[str]:
    """Attributes whose values differ; of complex ones and extensions, which of their attributes."""
    for name in before.keys() | after.keys():
        old, new = before.get(name), after.get(name)
        if old == new:
            continue
        if isinstance(old, dict) or isinstance(new, dict):
            old, new = old or {}, new or {}
            separator = ":" if name.startswith("urn:") else "."
            yield from (
                f"{name}{separator}{part}" for part in old.keys() | new.keys() if old.get(part) != new.get(part)
            )
        else:
            yield name


def _detail(effects: list[Effect], *, observed: bool) -> str | None:
    """What isn't plain from the operation."""
    said = []
    for effect in effects:
        match effect:
            case MembersLeftOut(ids=ids):
                said.append(f"left out, as they were deleted before: {counted(len(ids), 'member')}")
            case EffectHeld(hold=hold):
                said.append(f"the user stays active for now, held by {hold}")
            case ExpressionsFailed(failures=failures):
                said += [f"{each.mapping}: the expression of {each.part} failed: {each.reason}" for each in failures]
            case RolesPending(users=users):
                said.append(f"the roles of {counted(users, 'user')} follow")
            case _:
                pass
    if observed:
        said.append("only observed: applications see no change")
    return "; ".join(said) or None


def _counts(roles: Counter[str]) -> dict[str, int]:
    """By role, how many users."""
    return dict(sorted(roles.items())[:_MOST_ROLES]) if roles else {}
