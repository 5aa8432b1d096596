"""Reads of one tenant."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import datetime
from functools import partial

from scim_server.provisioning.events import USER_EVENTS, EventType
from scim_server.provisioning.group_names import GroupNames
from scim_server.provisioning.policy import Policy
from scim_server.provisioning.profile import MappingFailure
from scim_server.provisioning.roles import EffectiveRole
from scim_server.storage.delivery_query import DeliveryQuery, Replay
from scim_server.storage.event_query import EventQuery
from scim_server.storage.log_query import LogPosition, LogQuery
from scim_server.storage.records import (
    Delivery,
    GroupRecord,
    GroupReference,
    Member,
    OpenHold,
    Page,
    Query,
    RulesVersion,
    Standing,
    TenantCounts,
    UserRecord,
)
from scim_server.storage.search import APPLIED_USERS, GROUPS, USERS, USERS_AS_APPLIED, read_page
from scim_server.storage.session import Session
from scim_server.storage.tables import (
    captures,
    deliveries,
    event_reading,
    events,
    groups,
    held_users,
    holds,
    memberships,
    profiles,
    roles,
    standings,
    sync_log,
    sync_log_reading,
    tenants,
    tombstones,
    users,
    webhooks,
)
from scim_server.storage.tables.captures import Capture
from scim_server.storage.tables.deliveries import Backlog, DueDelivery
from scim_server.storage.tables.events import EventsAfter, StoredEvent
from scim_server.storage.tables.sync_log import LogLine


class Reader:
    """Each method sees one consistent state; all of them the same one in a snapshot."""

    def __init__(self, session: Session) -> None:
        self.tenant = session.tenant
        self._session = session

    async def user(self, user_id: str) -> UserRecord | None:
        return await users.read(self._session, user_id)

    async def user_as_applied(self, user_id: str) -> UserRecord | None:
        """Also one whose deletion is held."""
        return await users.read(self._session, user_id) or await held_users.read(self._session, user_id)

    async def holds(self) -> Sequence[OpenHold]:
        """Each with some of its users; those that are decided too, until that is worked off."""
        found = await holds.of_all(self._session)
        return [OpenHold(hold, await holds.examples(self._session, hold)) for hold in found]

    async def users(self, query: Query) -> Page[UserRecord]:
        """Raises `scim.errors.InvalidFilter` for an attribute that can't be filtered on, naming it."""
        record = partial(users.record_of, self._session)
        searched = USERS
        if query.as_applied:
            searched = APPLIED_USERS if await held_users.are_there(self._session) else USERS_AS_APPLIED
        return await read_page(self._session, self.tenant, searched, query, users.COLUMNS, record)

    async def group(self, group_id: str) -> GroupRecord | None:
        return await groups.read(self._session, group_id)

    async def groups(self, query: Query) -> Page[GroupRecord]:
        """Raises `scim.errors.InvalidFilter`, as `users` does."""
        record = partial(groups.record_of, self._session)
        return await read_page(self._session, self.tenant, GROUPS, query, groups.COLUMNS, record)

    def members(self, group_id: str, chunk: int = 1000, *, names: bool = True) -> AsyncIterator[Sequence[Member]]:
        """All members, in the order of their ids, in chunks: never all in memory at once.

        `names`: with their `display`, which costs a look at each member.
        """
        return memberships.members(self._session, group_id, chunk, names=names)

    async def groups_of(self, user_ids: Sequence[str]) -> Mapping[str, Sequence[GroupReference]]:
        """Direct and indirect groups of each user, by display name; `user_rows.MOST_ROWS` at most.

        Of the first users, as many as that suffices for, and of one at least: ask for the others again.
        """
        return await roles.groups_of(self._session, user_ids)

    async def effective_roles(self, user_ids: Sequence[str]) -> Mapping[str, Sequence[EffectiveRole]]:
        """The roles of each user with their reasons, both in order. Of the first users, as `groups_of`."""
        return await roles.effective(self._session, user_ids)

    async def events_after(self, position: int, limit: int) -> Sequence[StoredEvent]:
        """The next events that nothing can precede any more: what follows the last one's position is asked for next,
        and none is ever skipped."""
        return await events.after(self._session, position, limit)

    async def events_page(self, position: int, limit: int) -> EventsAfter:
        """As `events_after`, with what a reader who comes back later has to know."""
        return await events.page_after(self._session, position, limit)

    async def find_events(self, query: EventQuery, position: int, limit: int) -> tuple[Sequence[StoredEvent], int]:
        """The next ones after a position, and the position up to which there are no more."""
        return await event_reading.page(self._session, query, position, limit)

    async def position_before_last_events(self, query: EventQuery, count: int) -> int:
        """After which the last `count` events come; 0 where there are no more than those."""
        return await event_reading.before_last(self._session, query, count)

    async def newest_event_position(self) -> int:
        """Of the events that `events_after` has; 0 where there is none."""
        return await events.newest_position(self._session)

    async def last_event_position(self) -> int:
        """No event at or below it is yet to come."""
        return await events.safe_position(self._session)

    async def oldest_event_position(self) -> int | None:
        """Of those that are kept."""
        return await events.oldest_position(self._session)

    async def newest_event_of(
        self, user_id: str, at: datetime, types: Sequence[EventType] = USER_EVENTS
    ) -> StoredEvent | None:
        """The last one of a user by then: what the user was. `types`: of these alone."""
        return await events.newest_of_user(self._session, user_id, at, types)

    async def deleted_user(self, called: str) -> str | None:
        """The id of the user whose id, userName (without case) or externalId it was: of several the last one."""
        return await tombstones.of_user(self._session, called)

    async def standings(self, after: str = "", limit: int = 500) -> Sequence[Standing]:
        """Of users in the order of their ids, those that follow an id: `limit` at most, none only at the end."""
        return await standings.after(self._session, after, limit)

    async def group_names(self, ids: Sequence[str]) -> Mapping[str, GroupNames]:
        """By id, those of them that are there."""
        return await standings.group_names(self._session, ids)

    async def log(self, query: LogQuery, after: LogPosition | None, limit: int) -> Sequence[LogLine]:
        """The next lines of the sync log, the oldest first. Raises ValueError for an unknown outcome."""
        return await sync_log_reading.page(self._session, query, after, limit)

    async def log_before_last(self, query: LogQuery, count: int) -> LogPosition | None:
        """After which the last `count` lines come; None where there are no more than those."""
        return await sync_log_reading.before_last(self._session, query, count)

    async def due_deliveries(self, webhook: str, now: datetime, limit: int) -> Sequence[DueDelivery]:
        """Those that may be tried and wait for no other, in order."""
        return await deliveries.due(self._session, webhook, now, limit)

    async def next_deliveries(self, webhook: str, limit: int) -> Sequence[DueDelivery]:
        """Pending ones of different subjects, due or not: for a receiver that may be back."""
        return await deliveries.next_ones(self._session, webhook, limit)

    async def waiting_subjects(self, webhook: str, subjects: Collection[str]) -> Collection[str]:
        """Those of the subjects for which a delivery is pending."""
        return await deliveries.waiting(self._session, webhook, subjects)

    async def deliveries(self, wanted: DeliveryQuery, limit: int) -> Sequence[Delivery]:
        """The newest first."""
        return await deliveries.matching(self._session, wanted, limit)

    async def deliveries_of(self, event_id: str) -> Sequence[Delivery]:
        """Of one event, at each webhook."""
        return await deliveries.of_event(self._session, event_id)

    async def delivery_backlog(self, webhook: str, position: int, types: Sequence[str]) -> Backlog:
        """What is yet to be delivered: what is pending, and events of these types after the position."""
        return await deliveries.backlog(self._session, webhook, position, types)

    async def positions_to_replay(self, after: int, asked: Replay, limit: int) -> Sequence[int]:
        """Of the events of that time, in order."""
        return await deliveries.positions_to_replay(self._session, after, asked, limit)

    async def webhooks(self) -> Mapping[str, Sequence[str]]:
        """Names, and the types of the events that each is for."""
        return await webhooks.of_tenant(self._session)

    async def captures(self) -> Sequence[Capture]:
        """What the debug capture has, the oldest first."""
        return await captures.of_tenant(self._session)

    async def last_sync(self) -> tuple[datetime | None, LogLine | None]:
        """When a request to change something succeeded last, and the last one that was refused."""
        return await sync_log.last_success(self._session), await sync_log.last_failure(self._session)

    async def rules_version(self) -> RulesVersion | None:
        """None when no configuration was ever applied for this tenant, or none since it departed."""
        return await tenants.rules_version(self._session)

    async def rules(self) -> Policy | None:
        return await tenants.rules(self._session)

    async def profile_failures(self) -> Mapping[MappingFailure, int]:
        """Expressions of profiles that fail, and for how many users each."""
        return await profiles.failures(self._session)

    async def counts(self) -> TenantCounts:
        return await tenants.counts(self._session)
