"""Delivering events once more, because somebody asks for it."""

from collections.abc import Mapping, Sequence
from functools import partial

from scim_server.storage.delivery_query import DeliveryQuery, Replay
from scim_server.storage.protocol import Reader, Storage, Writer

_AT_ONCE = 1000
"""Events in one transaction."""


class NothingToReplay(Exception):
    """The message says what is unknown."""


async def replay(storage: Storage, tenant: str, asked: Replay) -> int:
    """How many deliveries are to be made. Raises `NothingToReplay` for a webhook or an event that is unknown."""
    webhooks = await storage.read(tenant, lambda reader: reader.webhooks())
    if asked.webhook is not None:
        if asked.webhook not in webhooks:
            raise NothingToReplay(f"there is no webhook {asked.webhook}")
        webhooks = {asked.webhook: webhooks[asked.webhook]}
    if asked.event is not None:
        return await _replay_event(storage, tenant, asked.event, webhooks)
    number, position = 0, 0
    while positions := await storage.read(tenant, partial(_positions, position, asked)):
        number += await storage.write(tenant, partial(_replay, webhooks, positions[0], positions[-1], asked))
        position = positions[-1]
    return number


async def _replay_event(storage: Storage, tenant: str, event: str, webhooks: Mapping[str, Sequence[str]]) -> int:
    query = DeliveryQuery(event=event)
    known = await storage.read(tenant, lambda reader: reader.deliveries(query, len(webhooks) + 1))
    chosen = {one.webhook: webhooks[one.webhook] for one in known if one.webhook in webhooks}
    if not chosen:
        raise NothingToReplay(f"event {event} was never to be delivered")
    position = known[0].position
    number = await storage.write(tenant, partial(_replay, chosen, position, position, Replay()))
    if number == 0:
        raise NothingToReplay(f"event {event} is no longer kept")
    return number


async def _positions(after: int, asked: Replay, reader: Reader) -> Sequence[int]:
    return await reader.positions_to_replay(after, asked, _AT_ONCE)


async def _replay(webhooks: Mapping[str, Sequence[str]], first: int, last: int, asked: Replay, writer: Writer) -> int:
    return sum([await writer.replay_events(name, (first, last), types, asked) for name, types in webhooks.items()])
