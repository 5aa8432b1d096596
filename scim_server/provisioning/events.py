"""Payloads of events, as applications see them. Pure.

A payload is JSON without `id` and `sequence`, which the database gives: `with_identity` puts them in front.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import orjson

from scim_server.provisioning.cause import Cause
from scim_server.provisioning.guards import HoldKind
from scim_server.provisioning.lifecycle import State
from scim_server.provisioning.roles import EffectiveRole, Reason
from scim_server.scim.schema import JsonObject

MOST_MEMBERS = 1000
"""Ids of members in one event; the counts are of all."""


class EventType(StrEnum):
    USER_CREATED = "user.created"
    USER_UPDATED = "user.updated"
    USER_BLOCKED = "user.blocked"
    USER_DEACTIVATED = "user.deactivated"
    USER_REACTIVATED = "user.reactivated"
    USER_DELETED = "user.deleted"
    USER_ROLES_CHANGED = "user.roles_changed"
    GROUP_CREATED = "group.created"
    GROUP_UPDATED = "group.updated"
    GROUP_DELETED = "group.deleted"
    GROUP_MEMBERS_CHANGED = "group.members_changed"
    PROVISIONING_HELD = "provisioning.held"
    PROVISIONING_FAILED = "provisioning.failed"
    CREDENTIAL_EXPIRING = "credential.expiring"


USER_EVENTS = tuple(type_ for type_ in EventType if type_.startswith("user."))

RolesWithReasons = Mapping[str, Collection[Reason]]


@dataclass(frozen=True, slots=True)
class EventUser:
    """A user after the change."""

    id: str
    user_name: str | None
    """None of one that is erased."""
    external_id: str | None
    state: State
    profile: JsonObject
    roles: Collection[EffectiveRole]
    permissions: Collection[str]

    def to_json(self) -> JsonObject:
        return {
            "id": self.id,
            "userName": self.user_name,
            "externalId": self.external_id,
            "state": self.state,
            "profile": self.profile,
            "permissions": [*self.permissions],
            "roles": [
                {"value": role.value, "since": role.since, "reasons": [reason_json(each) for each in role.reasons]}
                for role in self.roles
            ],
        }


@dataclass(frozen=True, slots=True)
class EventGroup:
    id: str
    display_name: str | None
    external_id: str | None

    def to_json(self) -> JsonObject:
        return {"id": self.id, "displayName": self.display_name, "externalId": self.external_id}


def user_event(
    type_: EventType,
    time: datetime,
    tenant: str,
    cause: Cause,
    user: EventUser,
    added: RolesWithReasons,
    removed: RolesWithReasons,
    previous_id: str | None = None,
) -> bytes:
    """`added`, `removed`: effective roles that the change gave and took. `previous_id`: of a user that was deleted
    and had the same externalId."""
    fields: JsonObject = {"user": user.to_json(), "added": _roles(added), "removed": _roles(removed)}
    if previous_id is not None:
        fields["previousId"] = previous_id
    return payload(type_, time, tenant, cause, fields)


def group_event(type_: EventType, time: datetime, tenant: str, cause: Cause, group: EventGroup) -> bytes:
    return payload(type_, time, tenant, cause, {"group": group.to_json()})


def members_event(
    time: datetime, tenant: str, cause: Cause, group: EventGroup, added: Collection[str], removed: Collection[str]
) -> bytes:
    """`added`, `removed`: ids of users and groups."""
    fields: JsonObject = {
        "group": group.to_json(),
        "added": sorted(added)[:MOST_MEMBERS],
        "removed": sorted(removed)[:MOST_MEMBERS],
        "addedCount": len(added),
        "removedCount": len(removed),
    }
    return payload(EventType.GROUP_MEMBERS_CHANGED, time, tenant, cause, fields)


def held_event(
    time: datetime, tenant: str, cause: Cause, hold: str, kind: HoldKind, expires: datetime | None
) -> bytes:
    """A guard holds effects from now on. Users that it concerns have no event until the hold ends."""
    fields: JsonObject = {"hold": {"id": hold, "kind": kind, "expires": expires}}
    return payload(EventType.PROVISIONING_HELD, time, tenant, cause, fields)


def payload(type_: EventType, time: datetime, tenant: str, cause: Cause, fields: JsonObject) -> bytes:
    """Of any event: what all have in common, and its own fields."""
    return orjson.dumps(
        {"type": type_, "time": time, "tenant": tenant, **fields, "cause": _cause(cause)}, option=orjson.OPT_UTC_Z
    )


def with_identity(event_id: str, sequence: int, payload: bytes | str) -> bytes:
    """The whole event as JSON."""
    text = payload.encode() if isinstance(payload, str) else payload
    return b'{"id":"%b","sequence":%d,%b' % (event_id.encode(), sequence, text[1:])


def redacted(payload: bytes | str) -> str:
    """The payload of an event of a user who is erased: of the user only the id, the state and the roles."""
    event: JsonObject = orjson.loads(payload)
    user: JsonObject = event["user"]
    event["user"] = user | {"userName": None, "externalId": None, "profile": {}}
    return orjson.dumps(event).decode()


def reason_json(reason: Reason) -> JsonObject:
    shown = {"source": reason.source, "mapping": reason.mapping, "rule": reason.rule, "group": reason.group}
    return {name: value for name, value in shown.items() if value is not None}


def _roles(roles: RolesWithReasons) -> list[JsonObject]:
    return [{"value": role, "reasons": [reason_json(each) for each in roles[role]]} for role in sorted(roles)]


def _cause(cause: Cause) -> JsonObject:
    fields: JsonObject = {"kind": cause.kind}
    if cause.request is not None:
        fields |= {"requestId": cause.request.id, "credential": cause.request.credential}
    if cause.detail is not None:
        fields["detail"] = cause.detail
    return fields
