"""What servers tell of one tenant, as values. What an older server doesn't tell is None."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class FormerUsers:
    """Users of a deleted ProvisioningConfig of the same name: how many there were when this one came, at `since`."""

    count: int
    since: datetime


@dataclass(frozen=True, slots=True)
class UnmatchedGroups:
    """Of one RoleMapping: how many selectors match no group that a provider sent, and the first of them as they stand
    in the mapping, with the rule's name."""

    count: int
    groups: tuple[Mapping[str, str], ...]


@dataclass(frozen=True, slots=True)
class Hold:
    """Effects that wait for a decision. `users` names some of those whom it concerns."""

    id: str
    kind: str
    count: int
    since: datetime
    expires: datetime | None = None
    users: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Failure:
    """The last request to change something that was refused."""

    time: datetime
    credential: str
    operation: str
    reason: str
    request_id: str


@dataclass(frozen=True, slots=True)
class WebhookStatus:
    """How deliveries to one webhook go. `state`: Active, Failing or Disabled."""

    name: str
    state: str
    pending: int = 0
    last_delivery: datetime | None = None
    last_failure: datetime | None = None
    failure_reason: str = ""


@dataclass(frozen=True, slots=True)
class RoleFigures:
    """Of one role: how many users, and some of their names."""

    count: int
    users: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MappingPreview:
    """What a mapping in mode Preview would change."""

    users_gaining: int
    users_losing: int
    gains: Mapping[str, RoleFigures] = field(default_factory=dict)
    losses: Mapping[str, RoleFigures] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ExpressionError:
    """An expression that can't be evaluated for some users: of a `rule` of a RoleMapping, or a `target` of an
    AttributeMapping."""

    kind: str
    name: str
    reason: str
    users: int


@dataclass(frozen=True, slots=True)
class TenantStatus:
    """What a server tells of one tenant."""

    active: int = 0
    blocked: int = 0
    deactivated: int = 0
    groups: int = 0
    last_sync_time: datetime | None = None
    last_contact_time: datetime | None = None
    last_used: Mapping[str, datetime] = field(default_factory=dict)
    """By name of the credential, for those that were used."""
    unmatched_groups: Mapping[str, UnmatchedGroups] | None = None
    """By mapping (`namespace/name`), as the next two."""
    previews: Mapping[str, MappingPreview] | None = None
    expression_errors: Mapping[str, tuple[ExpressionError, ...]] | None = None
    former_users: FormerUsers | None = None
    holds: tuple[Hold, ...] | None = None
    webhooks: tuple[WebhookStatus, ...] | None = None
    last_failure: Failure | None = None
