"""Which groups the rules of a tenant name that no provider has sent: most often a name that is misspelt."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from scim_server.clock import Clock, utc_now
from scim_server.config import GroupSelector, RoleRule, Tenant, compile_pattern
from scim_server.folding import identity_of
from scim_server.scim.filter import Comparison, disjunction
from scim_server.scim.path import resolve
from scim_server.scim.resource_types import GROUP_TYPE
from scim_server.storage.protocol import LONGEST_WRITE, Reader, Storage
from scim_server.storage.records import Query, TenantCounts

LISTED = 20
"""So many are told of each mapping; of the others only the number."""

MOST_GROUPS_FOR_PATTERNS = 2000
"""In a tenant with more groups nothing is said of patterns: each would have to be compared with all names."""

_REFRESH = timedelta(minutes=1)
_BATCH = 200


@dataclass(frozen=True, slots=True)
class UnmatchedSelector:
    rule: str
    selector: GroupSelector


@dataclass(frozen=True, slots=True)
class UnmatchedGroups:
    """Of one mapping: how many selectors match no group, and the first of them."""

    count: int
    groups: tuple[UnmatchedSelector, ...]


@dataclass(frozen=True, slots=True)
class _Answer:
    rules: tuple[RoleRule, ...]
    counts: TenantCounts
    """Read before."""
    at: datetime
    unmatched: Mapping[str, UnmatchedGroups]

    def holds(self, counts: TenantCounts) -> bool:
        """Whether no group has changed since then, for sure: what began earlier may be committed later."""
        if counts.last_sync is None or self.at - counts.last_sync < LONGEST_WRITE:
            return False
        return (counts.groups, counts.last_sync) == (self.counts.groups, self.counts.last_sync)


class UnmatchedGroupsReader:
    """Remembers its answers. While rules stay the same, a tenant is looked at once a minute at most, and then only if
    something in it may have changed."""

    def __init__(self, storage: Storage, clock: Clock = utc_now) -> None:
        self._storage = storage
        self._clock = clock
        self._answers: dict[str, _Answer] = {}

    async def of(self, tenant: Tenant, counts: TenantCounts) -> Mapping[str, UnmatchedGroups]:
        """By mapping (`namespace/name`). `counts`: read just now. Raises `StorageUnavailable`."""
        known, now = self._answers.get(tenant.key), self._clock()
        if known is not None and known.rules == tenant.rules and (now - known.at < _REFRESH or known.holds(counts)):
            return known.unmatched
        unmatched = await self.read(tenant)
        self._answers[tenant.key] = _Answer(tenant.rules, counts, now, unmatched)
        return unmatched

    async def read(self, tenant: Tenant) -> Mapping[str, UnmatchedGroups]:
        """As `of`, without a look at what was answered before."""
        return await self._storage.read(tenant.key, lambda reader: read_unmatched(reader, tenant.rules))

    def keep(self, tenants: Iterable[str]) -> None:
        """Forget the others."""
        self._answers = {key: self._answers[key] for key in tenants if key in self._answers}


async def read_unmatched(reader: Reader, rules: Sequence[RoleRule]) -> Mapping[str, UnmatchedGroups]:
    """As they are now, by mapping."""
    selectors = [selector for rule in rules for selector in rule.groups]
    names = {identity_of(selector.display_name) for selector in selectors if selector.display_name is not None}
    ids = {selector.external_id for selector in selectors if selector.external_id is not None}
    patterns = {one.display_name_pattern for one in selectors if one.display_name_pattern is not None}
    found_names = {identity_of(str(name)) for name in await _values(reader, "displayName", names)}
    found_ids = set(await _values(reader, "externalId", ids))
    found_patterns = await _matching(reader, patterns)

    def matches(selector: GroupSelector) -> bool:
        if selector.display_name is not None:
            return identity_of(selector.display_name) in found_names
        if selector.external_id is not None:
            return selector.external_id in found_ids
        return selector.display_name_pattern in found_patterns

    by_mapping: dict[str, list[UnmatchedSelector]] = {}
    for rule in rules:
        for selector in rule.groups:
            if not matches(selector):
                by_mapping.setdefault(rule.mapping, []).append(UnmatchedSelector(rule.rule, selector))
    return {mapping: UnmatchedGroups(len(all_), tuple(all_[:LISTED])) for mapping, all_ in by_mapping.items()}


async def _values(reader: Reader, attribute: str, wanted: set[str]) -> list[object]:
    """The values of groups that have one of `wanted`, by the attribute's index."""
    path = resolve(attribute, GROUP_TYPE)
    found: list[object] = []
    for batch in _batches(sorted(wanted)):
        one_of = disjunction(Comparison(path, "eq", value) for value in batch)
        page = await reader.groups(Query(filter=one_of, count=MOST_GROUPS_FOR_PATTERNS, wants_total=False))
        found += [record.document.get(attribute) for record in page.records]
    return found


async def _matching(reader: Reader, patterns: set[str]) -> set[str]:
    """Those that some group's name matches; all where there are too many groups to say."""
    if not patterns:
        return set()
    page = await reader.groups(Query(count=MOST_GROUPS_FOR_PATTERNS + 1, wants_total=False))
    if len(page.records) > MOST_GROUPS_FOR_PATTERNS:
        return patterns
    names = [str(record.document.get("displayName")) for record in page.records]
    return {text for text in patterns if any(map(compile_pattern(text).fullmatch, names))}


def _batches(values: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(values), _BATCH):
        yield values[start : start + _BATCH]
