"""The feed: a tenant's events in their order, from any place on."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from scim_server.directory.arrivals import Arrivals
from scim_server.directory.feed_tokens import FeedToken, parse_token
from scim_server.provisioning.events import with_identity
from scim_server.scim.errors import InvalidValue, plain_error
from scim_server.storage.event_query import EventQuery
from scim_server.storage.protocol import Reader, Storage
from scim_server.storage.tables.events import EventsAfter, StoredEvent

DEFAULT_LIMIT = 100
MOST_EVENTS = 1000
LONGEST_WAIT_SECONDS = 60
NOW = "now"
_BATCH = 100
_MOST_BYTES = 256 << 10
"""Of the events in one answer, but for the last of them: an answer waits for its client in memory."""


@dataclass(frozen=True, slots=True)
class FeedPage:
    events: Sequence[bytes]
    """Each as JSON."""
    next: str
    """The token by which the next page follows."""

    def to_json(self) -> bytes:
        return b'{"events":[%b],"next":"%b"}' % (b",".join(self.events), self.next.encode("ascii"))


class Feed:
    """Of all tenants of one server."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._reached: dict[str, dict[str, int]] = {}
        """By tenant and credential, the position up to which was asked for last, at this replica."""
        self.arrivals = Arrivals(storage)

    async def oldest_unread(self, tenant: str) -> Mapping[str, datetime | None]:
        """By credential, the time of the first event that wasn't asked for yet; None where there is none.

        Of what another replica was asked it knows nothing. Raises StorageUnavailable.
        """
        unread: dict[str, datetime | None] = {}
        for credential, position in self._reached.get(tenant, {}).items():
            following = await self._storage.read(tenant, partial(_first_after, position))
            unread[credential] = following.time if following is not None else None
        return unread

    async def page(self, tenant: str, credential: str, after: str | None, limit: int, wait: float) -> FeedPage:
        """The events after a token, from the oldest one that is kept (None), or none at all (`NOW`).

        Waits up to `wait` seconds where there is none. Raises InvalidValue for what is no token of the tenant,
        ScimError with status 410 where events after it are kept no more, StorageUnavailable.
        """
        if after == NOW:
            return FeedPage([], (await self._now(tenant)).text(tenant))
        token = None if after is None else _parsed(after, tenant)
        events, token = await self._read(tenant, token, limit)
        if wait and not events:
            await self.arrivals.wait(tenant, token.position, wait)
            events, token = await self._read(tenant, token, limit)
        self._reached.setdefault(tenant, {})[credential] = token.position
        return FeedPage(events, token.text(tenant))

    def keep(self, tenants: Container[str]) -> None:
        """Forget who has followed other tenants."""
        self._reached = {tenant: reached for tenant, reached in self._reached.items() if tenant in tenants}

    async def find(
        self, tenant: str, query: EventQuery, after: str | None, limit: int, wait: float = 0, last: int = 0
    ) -> FeedPage:
        """As `page`, only those that are asked for. `last`: without a token, begin so many before the end."""

        async def work(reader: Reader) -> tuple[Sequence[bytes], FeedToken]:
            position = 0
            if token is not None:
                position = token.position
                _raise_if_missed(token, await reader.events_page(position, 1))
            elif last:
                position = await reader.position_before_last_events(query, last)
            found, reached = await reader.find_events(query, position, limit)
            return [with_identity(each.id, each.position, each.payload) for each in found], FeedToken(reached)

        if after == NOW:
            token: FeedToken | None = await self._now(tenant)
        else:
            token = None if after is None else _parsed(after, tenant)
        events, reached = await self._storage.read(tenant, work)
        if wait and not events:
            await self.arrivals.wait(tenant, reached.position, wait)
            token = reached
            events, reached = await self._storage.read(tenant, work)
        return FeedPage(events, reached.text(tenant))

    async def _now(self, tenant: str) -> FeedToken:
        return FeedToken(await self._storage.read(tenant, lambda reader: reader.last_event_position()))

    async def _read(self, tenant: str, token: FeedToken | None, limit: int) -> tuple[list[bytes], FeedToken]:
        """The events, and the token of their end."""

        async def work(reader: Reader) -> tuple[list[bytes], FeedToken]:
            events: list[bytes] = []
            reached, size = token, 0
            while len(events) < limit and size < _MOST_BYTES:
                wanted = min(_BATCH, limit - len(events))
                found = await reader.events_page(0 if reached is None else reached.position, wanted)
                if reached is None:
                    reached = FeedToken(found.forgotten)
                _raise_if_missed(reached, found)
                for event in found.events:
                    events.append(with_identity(event.id, event.position, event.payload))
                    reached, size = FeedToken.at(event.position, event.id), size + len(events[-1])
                    if size >= _MOST_BYTES:
                        break
                if len(found.events) < wanted:
                    break
            assert reached is not None  # noqa: S101 - `limit` is at least 1
            return events, reached

        return await self._storage.read(tenant, work)


async def _first_after(position: int, reader: Reader) -> StoredEvent | None:
    return next(iter(await reader.events_after(position, 1)), None)


def _parsed(after: str, tenant: str) -> FeedToken:
    token = parse_token(after, tenant)
    if token is None:
        raise InvalidValue(
            f"after: {NOW}, or `next` of an earlier answer of this tenant's feed, is expected",
            attribute="after",
            reason="no token of this tenant's feed",
        )
    return token


def _raise_if_missed(token: FeedToken, found: EventsAfter) -> None:
    if token.position < found.forgotten:
        why = "events after it are kept no more"
    elif token.position > found.drawn or not token.is_of(found.id):
        why = "the events have begun anew since, from a backup perhaps"
    else:
        return
    raise plain_error(
        410,
        f"this token can't be followed: {why}. Take a token with after={NOW}, then read all users and groups, then"
        " follow from that token: nothing is missed",
    )
