"""What passes in and out of a storage."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Generic, TypeAlias, TypeVar

from scim_server.config import Decision
from scim_server.provisioning.cause import CauseKind
from scim_server.provisioning.guards import HoldKind
from scim_server.provisioning.lifecycle import State
from scim_server.provisioning.profile import MappingFailure
from scim_server.provisioning.roles import Reason
from scim_server.scim.filter import Filter
from scim_server.scim.path import AttributePath

Record = TypeVar("Record")

Document = dict[str, Any]
"""A SCIM resource as stored: canonical JSON without what storage or configuration derives.

Users: without `id`, `meta`, `schemas`, `groups`, `password`. Groups: without `id`, `meta`, `schemas`, `members`.
"""


@dataclass(frozen=True, slots=True)
class UserRecord:
    id: str
    document: Document
    active: bool
    blocked_at: datetime | None
    """When `active` last became false; None while active."""
    state: State
    deactivate_at: datetime | None
    """When a blocked user is deactivated; None for others."""
    created: datetime
    modified: datetime
    version: int
    hold: str | None = None
    """While the provider's deactivation of an active user is held: the id of the hold. Or that it was discarded."""
    profile: Document | None = None
    """As applications see the user; None where it wasn't computed for this version."""
    first_values: Document = field(default_factory=dict)
    """Of targets of the profile that are set once."""
    profile_failures: tuple[MappingFailure, ...] = ()
    """Expressions of the profile that failed for the user."""


@dataclass(frozen=True, slots=True)
class GroupRecord:
    id: str
    document: Document
    created: datetime
    modified: datetime
    version: int


@dataclass(frozen=True, slots=True)
class LockedUser:
    """A user and its groups, which no other transaction changes until the commit."""

    record: UserRecord
    groups: frozenset[str]


@dataclass(frozen=True, slots=True)
class LockedGroup:
    """A group that no other transaction changes until the commit."""

    record: GroupRecord
    grants_reach: bool
    """Whether members get roles through it, by its own grants or those of groups that it is nested in."""


@dataclass(frozen=True, slots=True)
class Tombstone:
    """What is known of a user or group that was deleted."""

    id: str
    type: str
    """`User` or `Group`"""
    external_id: str | None
    user_name: str | None
    deleted: datetime


@dataclass(frozen=True, slots=True)
class Hold:
    """Effects that wait."""

    id: str
    kind: HoldKind
    since: datetime
    expires: datetime | None
    """None: never."""
    users: int
    decision: Decision | None = None
    """While it is worked off."""
    decided_by: CauseKind | None = None


@dataclass(frozen=True, slots=True)
class HeldUser:
    """An example of whom a hold concerns."""

    id: str
    user_name: str


@dataclass(frozen=True, slots=True)
class OpenHold:
    hold: Hold
    examples: Sequence[HeldUser]

    def to_json(self) -> dict[str, Any]:
        """As people see it."""
        hold = self.hold
        return {
            "id": hold.id,
            "kind": hold.kind.value,
            "count": hold.users,
            "since": _shown(hold.since),
            "expires": None if hold.expires is None else _shown(hold.expires),
            "users": [user.user_name for user in self.examples],
        }


def _shown(time: datetime) -> str:
    return time.isoformat().replace("+00:00", "Z")


class DueKind(StrEnum):
    """What is to be done at a certain time, and to whom."""

    DEACTIVATION = "deactivation"
    """The subject is the id of a blocked user."""
    TOMBSTONE = "tombstone"
    """The subject is the id of a user or group whose deletion is forgotten."""
    OBSERVED = "observed"
    """What was only observed is to be applied. There is no subject."""
    HOLD = "hold"
    """The subject is the id of a hold that is decided or expires."""
    DELAY = "delay"
    """The delay changed. Blocked users whose ids follow the subject are to be deactivated when the new one says."""
    WINDOW = "window"
    """The subject is when windows of grants open or close, in words."""


@dataclass(frozen=True, slots=True)
class Due:
    kind: DueKind
    subject: str


@dataclass(frozen=True, slots=True)
class Member:
    """A member of a group: `kind` is `User` or `Group`, `display` its displayName (or userName) where it was read."""

    id: str
    kind: str
    display: str | None


@dataclass(frozen=True, slots=True)
class GroupReference:
    """A group that a user is in; `direct` is false for one reached only through member groups."""

    id: str
    display: str
    direct: bool


PermissionsOfRoles: TypeAlias = Mapping[str, Collection[str]]
"""The catalogue: permissions by role name."""


CredentialUses: TypeAlias = Mapping[tuple[str, str], datetime]
"""By tenant and name of the credential: when it was used last."""


SortKey: TypeAlias = str | bool | int | float | datetime | None
"""A value as the database sorts it, good for nothing but a `Position`; None where a resource has no value."""


@dataclass(frozen=True, slots=True)
class Position:
    """Where one resource stands in the order of a list. The resource may be gone by now."""

    created: datetime
    id: str
    key: SortKey = None
    """Its value of `sort_by`."""


@dataclass(frozen=True, slots=True)
class Query:
    """A list request. `start_index` is 1-based; `count` 0 asks for the total alone.

    The order is (created, id), after `sort_by` where there is one; resources without a value come last, or
    first when `descending` (RFC 7644 §3.4.2.3).
    """

    filter: Filter | None = None
    start_index: int = 1
    count: int = 100
    sort_by: AttributePath | None = None
    descending: bool = False
    permissions: PermissionsOfRoles | None = None
    """Needed where the filter speaks of `permissions` of the effective extension."""
    after: Position | None = None
    """Only what follows it in the order; `start_index` then counts from there. The total is still that of all."""
    before: Position | None = None
    """Instead of `after`: only what precedes it in the order, and of that the last `count`; without `start_index`."""
    as_applied: bool = False
    """As applications see users: whose deactivation or deletion is held is active."""
    wants_total: bool = True
    most_bytes: int = 2 << 20
    """Of the documents of a page: with the one that goes beyond it the page ends, whatever `count` is. So the first
    one is always there."""

    @property
    def in_order_of_creation(self) -> bool:
        """Whether it asks for all resources in the order in which they were created."""
        return self.filter is None and self.sort_by is None


@dataclass(frozen=True, slots=True)
class Counters:
    """How many resources of one type were ever added to a tenant, and removed from it. Both numbers only grow."""

    added: int
    removed: int

    @property
    def total(self) -> int:
        return self.added - self.removed


@dataclass(frozen=True, slots=True)
class Page(Generic[Record]):
    """`total` is None only where the query doesn't want it and the records don't tell it."""

    records: Sequence[Record]
    total: int | None
    end: Position | None
    """Of the last record, where more follow; before a position there is always more."""
    start: Position | None = None
    """Of the first record, where more precede: known of pages after or before a position."""
    counters: Counters | None = None
    """Of a list without a filter: those of its type when the records were read; without records, when the total was.
    None where neither was read."""


@dataclass(frozen=True, slots=True)
class MembersChanged:
    """What a change of a group's members really did: ids that were not members before, or no longer are."""

    added_users: Collection[str] = ()
    removed_users: Collection[str] = ()
    added_groups: Collection[str] = ()
    removed_groups: Collection[str] = ()

    def __bool__(self) -> bool:
        return bool(self.added_users or self.removed_users or self.added_groups or self.removed_groups)


@dataclass(frozen=True, slots=True)
class RoleChange:
    """A real change of one user's effective roles."""

    user_id: str
    added: Mapping[str, tuple[Reason, ...]]
    """By role, in order."""
    removed: Mapping[str, tuple[Reason, ...]]
    """With the reasons that it had."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A user with the groups that it is in, directly or through member groups, and the roles that it has."""

    record: UserRecord
    groups: Sequence[str]
    """Their ids"""
    roles: frozenset[str]


@dataclass(frozen=True, slots=True)
class RulesVersion:
    """Which rules the database holds for a tenant. `applied`: all users' roles follow them already."""

    revision: int
    fingerprint: str
    applied: bool


@dataclass(frozen=True, slots=True)
class FormerUsers:
    """Users whom a tenant has from a deleted ProvisioningConfig of its name."""

    count: int
    """How many there were at `since`, when the new ProvisioningConfig came."""
    since: datetime


@dataclass(frozen=True, slots=True)
class TenantCounts:
    active: int
    blocked: int
    deactivated: int
    groups: int
    last_sync: datetime | None
    """When a user or group last changed."""
    former_users: FormerUsers | None = None
    departed: bool = False
    """It is noted that the ProvisioningConfig is gone."""


@dataclass(frozen=True, slots=True)
class StoredWebhook:
    """How far a webhook is."""

    tenant: str
    name: str
    revision: int
    """Of the newest configuration that has it."""
    types: Sequence[str]
    """Of the events that it is for."""
    position: int
    """What became of the events up to here stands in deliveries."""
    owner: str | None
    """The server that sends to it."""
    beat: int
    """Moves as long as the owner lives."""
    disabled: str | None
    """Digest of the configuration whose receiver wants no more events."""
    failing_since: datetime | None
    last_delivery: datetime | None
    last_failure: datetime | None
    last_error: str | None
    """Of the last failure, in words."""
    is_behind: bool
    """There are later events, though maybe none that it is for."""
    next_at: datetime | None
    """When the first pending delivery is to be tried."""


class DeliveryState(StrEnum):
    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"
    """It was given up. A replay makes it pending again."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of one event at one webhook."""

    webhook: str
    position: int
    event_id: str
    type: str
    subject: str
    """Id of the user or group that the event is about, whose events keep their order; or empty."""
    time: datetime
    """Of the event."""
    state: DeliveryState
    attempts: int
    """Those that were made."""
    since: datetime
    """It is given up three days after this: when the event came about, or its replay was asked for."""
    next_at: datetime | None
    """Of a pending one: not to be tried before."""
    tried: datetime | None = None
    """When it was tried last."""
    status: int | None = None
    """Of the last answer."""
    error: str | None = None
    """Why it wasn't delivered, in words."""

    def to_json(self) -> dict[str, Any]:
        """As the management port and the command show it."""
        return {
            "webhook": self.webhook,
            "event": self.event_id,
            "type": self.type,
            "sequence": self.position,
            "subject": self.subject or None,
            "time": _text(self.time),
            "state": self.state.value,
            "attempts": self.attempts,
            "triedAt": _text(self.tried),
            "nextAt": _text(self.next_at),
            "status": self.status,
            "error": self.error,
        }


@dataclass(frozen=True, slots=True)
class WebhookProgress:
    """What its owner notes together with deliveries."""

    position: int
    disabled: str | None
    failing_since: datetime | None
    last_delivery: datetime | None
    last_failure: datetime | None
    last_error: str | None


@dataclass(frozen=True, slots=True)
class PoolUsage:
    """Connections of this process to its database."""

    limit: int
    opened: int = 0
    in_use: int = 0
    waiting: int = 0
    """Tasks that wait for a connection."""


def _text(time: datetime | None) -> str | None:
    return None if time is None else time.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
