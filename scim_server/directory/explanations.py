"""One user, explained: for people."""

from datetime import datetime

import orjson

from scim_server.directory.held_effects import held_effects
from scim_server.provisioning.conditions import user_of_conditions
from scim_server.provisioning.events import EventType
from scim_server.provisioning.explain import (
    STATE_EVENTS,
    ExplainedState,
    ExplainedUser,
    Explanation,
    explained_profile,
    explained_roles,
    explained_state,
    explained_withheld,
    explanation_of_event,
)
from scim_server.provisioning.policy import NO_POLICY
from scim_server.provisioning.roles import ReachedGroup
from scim_server.provisioning.withheld import withheld_roles
from scim_server.scim.filter import Comparison
from scim_server.scim.path import resolve
from scim_server.scim.resource_types import USER_TYPE
from scim_server.storage.protocol import Reader
from scim_server.storage.records import Query, UserRecord

_MOST_NAMED = 5


class UnknownUser(Exception):
    """There is no such user. The message is one line."""


class AmbiguousUser(Exception):
    """Several users are called so. The message is one line that names them."""


async def explain(reader: Reader, called: str, now: datetime) -> Explanation:
    """`called`: the id, the userName (without case) or the externalId of a user. To be read in a snapshot.

    Raises `UnknownUser`, `AmbiguousUser`.
    """
    record = await _find(reader, called)
    policy = await reader.rules() or NO_POLICY
    roles = (await reader.effective_roles([record.id]))[record.id]
    reached = await reader.group_names([group.id for group in (await reader.groups_of([record.id]))[record.id]])
    groups = [*reached.values()]
    user = user_of_conditions(record.id, record.document, record.active)
    has = {role.value for role in roles}
    reached_by_rules = [ReachedGroup(group.id, group.display_name, group.external_id) for group in groups]
    held = await held_effects(reader, record, user, roles, reached_by_rules, policy, now)
    return Explanation(
        user=_user(record),
        state=await _state(reader, record, now),
        roles=explained_roles(roles, policy.sensitive_roles),
        withheld=(*held, *explained_withheld(withheld_roles(policy, user, record.state, groups, has, now))),
        profile=explained_profile(policy.profile.compute(user, groups, record.first_values)),
    )


async def explain_at(reader: Reader, called: str, at: datetime) -> Explanation:
    """As `explain`, of a time that is past: as the user was then, also if it has been deleted since.

    Raises `UnknownUser` also where nothing is recorded of it at that time.
    """
    try:
        record: UserRecord | None = await _find(reader, called)
    except UnknownUser:
        record = None
    user_id = record.id if record is not None else await reader.deleted_user(called)
    if user_id is None:
        raise _unknown(reader, called)
    event = await reader.newest_event_of(user_id, at)
    state_event = await reader.newest_event_of(user_id, at, STATE_EVENTS)
    if event is None or state_event is None:
        if record is not None and at < record.created:
            raise UnknownUser(f"the user was created after that, at {_shown(record.created)}")
        raise UnknownUser(f"nothing that is kept tells what the user was at {_shown(at)}")
    if event.type is EventType.USER_DELETED:
        raise UnknownUser(f"the user was deleted before that, at {_shown(event.time)}")
    payload = orjson.loads(event.payload)
    if payload["user"]["userName"] is None:
        raise UnknownUser("the user was deleted and erased since: nothing personal is kept of it")
    return explanation_of_event(payload, orjson.loads(state_event.payload))


async def _state(reader: Reader, record: UserRecord, now: datetime) -> ExplainedState:
    event = await reader.newest_event_of(record.id, now, STATE_EVENTS)
    if event is not None and (payload := orjson.loads(event.payload))["user"]["state"] == record.state:
        return explained_state(payload, record.deactivate_at)
    since = record.created if record.blocked_at is None else record.blocked_at
    return ExplainedState(value=record.state, since=since, because="nothing that is kept tells who brought it")


async def _find(reader: Reader, called: str) -> UserRecord:
    record = await reader.user_as_applied(called.lower())
    if record is not None:
        return record
    found: dict[str, UserRecord] = {}
    for attribute in ("userName", "externalId"):
        condition = Comparison(resolve(attribute, USER_TYPE), "eq", called)
        page = await reader.users(Query(filter=condition, count=_MOST_NAMED, wants_total=False, as_applied=True))
        found |= {one.id: one for one in page.records}
    if not found:
        raise _unknown(reader, called)
    if len(found) > 1:
        ids = ", ".join(f"{one.id} ({one.document['userName']})" for one in found.values())
        raise AmbiguousUser(f"several users of {reader.tenant} are called {called[:200]!r}, give an id: {ids}")
    return next(iter(found.values()))


def _unknown(reader: Reader, called: str) -> UnknownUser:
    return UnknownUser(f"{reader.tenant} has no user with the id, userName or externalId {called[:200]!r}")


def _shown(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S} UTC"


def _user(record: UserRecord) -> ExplainedUser:
    return ExplainedUser(
        id=record.id,
        user_name=record.document["userName"],
        external_id=record.document.get("externalId"),
        display_name=record.document.get("displayName"),
    )
