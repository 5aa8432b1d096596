"""Who would gain and who would lose which role: by a configuration that isn't in effect, and by rules in preview."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime

from scim_server.config import ServerConfig
from scim_server.provisioning.conditions import user_of_conditions
from scim_server.provisioning.grants import Grant
from scim_server.provisioning.policy import Policy
from scim_server.provisioning.preview import Preview, Tally, TenantPreview
from scim_server.provisioning.roles import ReachedGroup, reasons_of
from scim_server.storage.protocol import Reader, Storage
from scim_server.storage.records import Standing, UserRecord

_BATCH = 500
"""Users who are read and evaluated together: some milliseconds."""


async def preview(storage: Storage, config: ServerConfig, now: datetime) -> Preview:
    """What would change of the roles that users have now if `config` were in effect.

    Users are read in batches, each of them as it is by then. Raises `StorageUnavailable`.
    """
    return Preview(
        tenants=tuple([await preview_policy(storage, one.key, Policy.of(one), now) for one in config.tenants])
    )


async def preview_policy(storage: Storage, key: str, policy: Policy, now: datetime) -> TenantPreview:
    """As `preview`, of one tenant."""
    tally, proposed = Tally(), _RememberingPolicy(policy)

    def count(people: Sequence[Person]) -> None:
        for person in people:
            after = person.has if policy.observes else person.roles_by(proposed, now)
            tally.add(person.user_name, person.has, after)

    async for people in _batches(storage, key):
        await asyncio.to_thread(count, people)
    return tally.preview(key)


async def preview_mappings(storage: Storage, key: str, policy: Policy, now: datetime) -> Mapping[str, TenantPreview]:
    """By mapping (`namespace/name`) in mode Preview of a tenant: what would change if it alone were enforced.

    Raises `StorageUnavailable`.
    """
    mappings = sorted({rule.mapping for rule in policy.config.rules if rule.preview})
    if not mappings:
        return {}
    present = _RememberingPolicy(policy)
    proposed = {mapping: (_RememberingPolicy(policy.with_previews(mapping)), Tally()) for mapping in mappings}

    def count(people: Sequence[Person]) -> None:
        for person in people:
            before = person.roles_by(present, now)
            for enforced, tally in proposed.values():
                tally.add(person.user_name, before, person.roles_by(enforced, now))

    async for people in _batches(storage, key):
        await asyncio.to_thread(count, people)
    return {mapping: tally.preview(key) for mapping, (_, tally) in proposed.items()}


class _RememberingPolicy(Policy):
    """Knows what it has said of a group: the same groups come with user after user."""

    def __init__(self, policy: Policy) -> None:
        super().__init__(policy.config)
        self._of_group: dict[str | None, frozenset[Grant]] = {}

    def grants_of(
        self, display_name: str | None, external_id: str | None, group_id: str | None = None
    ) -> frozenset[Grant]:
        known = self._of_group.get(group_id)
        if known is None:
            known = self._of_group[group_id] = super().grants_of(display_name, external_id, group_id)
        return known


@dataclass(frozen=True, slots=True)
class Person:
    """A user with what decides its roles."""

    record: UserRecord
    has: frozenset[str]
    """The roles that it has."""
    groups: Sequence[ReachedGroup]

    @property
    def user_name(self) -> str:
        name: str = self.record.document["userName"]
        return name

    def roles_by(self, policy: Policy, now: datetime) -> Set[str]:
        user = user_of_conditions(self.record.id, self.record.document, self.record.active)
        verdicts = policy.conditions.of(user).true
        return reasons_of(policy, self.record.state, self.groups, verdicts, now).keys()


async def _batches(storage: Storage, key: str) -> AsyncIterator[Sequence[Person]]:
    """All users of a tenant. Each batch is read by itself, so that no connection is held for long."""
    groups: dict[str, ReachedGroup] = {}
    last = ""

    async def read(reader: Reader) -> Sequence[Standing]:
        standings = await reader.standings(last, _BATCH)
        unknown = {group for standing in standings for group in standing.groups} - groups.keys()
        named = await reader.group_names(sorted(unknown))
        groups.update({id_: ReachedGroup(id_, one.display_name, one.external_id) for id_, one in named.items()})
        return standings

    while standings := await storage.read(key, read, snapshot=True):
        yield [
            Person(one.record, one.roles, [groups[group] for group in one.groups if group in groups])
            for one in standings
        ]
        last = standings[-1].record.id
