"""What the management port answers. JSON names are camelCase."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from scim_server.config import Outcome
from scim_server.provisioning.preview import RoleFigures
from scim_server.storage.records import DeliveryState


class Answer(BaseModel):
    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, frozen=True, use_attribute_docstrings=True
    )


class Healthy(Answer):
    status: Literal["ok"] = "ok"


class Problem(Answer):
    """Every answer above 399 has at least this."""

    reason: str


class ConfigProblem(Problem):
    """A pushed configuration that does not run."""

    revision: int
    """Of the configuration that runs; 0 for none."""


class StaleConfig(ConfigProblem):
    floor: int
    """The highest revision that any replica has run: a higher one is expected."""


class PushedConfig(Answer):
    """A pushed configuration that runs."""

    revision: int
    outcome: Outcome
    applied: bool
    """Whether the roles of all existing users follow it. They may still be recomputed when the push is answered."""
    applied_revision: int
    """The revision that the roles of all existing users follow."""


class UserCounts(Answer):
    """Users by state."""

    active: int
    blocked: int
    deactivated: int


class FormerUsers(Answer):
    """Users of an earlier ProvisioningConfig of the same name."""

    count: int
    since: datetime


class CredentialUse(Answer):
    last_used_time: datetime


class UnmatchedGroups(Answer):
    """Group selectors of one mapping that match no group."""

    count: int
    groups: tuple[Mapping[str, str], ...]
    """The first of them: the name of the rule, and the selector as the mapping has it."""


class Hold(Answer):
    """Effects that wait for a decision, for the provider to take its change back, or for their time to be over."""

    id: str
    """What `spec.safety.decisions` names."""
    kind: Literal["deactivations", "roles", "protected"]
    count: int
    """How many users it concerns."""
    since: datetime
    expires: datetime | None
    """None: never."""
    users: tuple[str, ...]
    """userName of some of them."""


class Holds(Answer):
    holds: tuple[Hold, ...]
    """The oldest first."""


class Failure(Answer):
    """A request to change something that was refused."""

    time: datetime
    credential: str
    operation: str
    """In words, as in the sync log."""
    reason: str
    """For people, with nobody's name in it."""
    request_id: str
    """By which the sync log has the rest."""


class ExpressionError(Answer):
    """An expression of a mapping that can't be evaluated for some users."""

    kind: Literal["rule", "target"]
    """The `when` of a rule of a RoleMapping, or the `expression` of a target of an AttributeMapping."""
    name: str
    """Of the rule or the target."""
    reason: str
    """For people, without a value of a user."""
    users: int
    """For how many."""


class WebhookState(StrEnum):
    """`Active`; `Failing`: nothing was delivered since an attempt failed; `Disabled`: the receiver answered 410,
    and nothing is sent until the webhook is configured anew."""

    ACTIVE = "Active"
    FAILING = "Failing"
    DISABLED = "Disabled"


class WebhookFailure(Answer):
    time: datetime
    reason: str


class WebhookStatus(Answer):
    """How deliveries to one webhook go."""

    name: str
    state: WebhookState
    last_delivery: datetime | None
    """When an event was delivered last."""
    last_failure: WebhookFailure | None
    """The last attempt that failed, also where later ones didn't."""
    pending: int
    """Events that it has yet to get, 10,000 at most."""
    oldest_pending: datetime | None
    """When the first of them came about."""


class MappingPreview(Answer):
    """What would change if a mapping in mode Preview were enforced."""

    users_gaining: int
    """Who would gain at least one role."""
    users_losing: int
    """Who would lose at least one role."""
    gains: Mapping[str, RoleFigures]
    """By role."""
    losses: Mapping[str, RoleFigures]
    """By role: that of a fallback role, which is for users without any other."""


class TenantStatus(Answer):
    users: UserCounts
    groups: int
    last_sync_time: datetime | None
    """When a request to change something succeeded last."""
    last_contact_time: datetime | None
    """When any credential was used last."""
    credentials: Mapping[str, CredentialUse]
    """By name, those that were used."""
    former_users: FormerUsers | None
    unmatched_groups: Mapping[str, UnmatchedGroups]
    """By mapping (`namespace/name`)."""
    holds: tuple[Hold, ...] = ()
    last_failure: Failure | None = None
    """The newest."""
    expression_errors: Mapping[str, tuple[ExpressionError, ...]] = Field(default_factory=dict)
    """By mapping (`namespace/name`)."""
    webhooks: tuple[WebhookStatus, ...] = ()
    previews: Mapping[str, MappingPreview] = Field(default_factory=dict)
    """By mapping (`namespace/name`) in mode Preview, as soon as it is known."""


class Rejection(Answer):
    """The configuration that was refused last, unless another one has been accepted since."""

    source: str
    reason: str


class ShardStatus(Answer):
    """What a replica runs of one shard of the configuration."""

    revision: int
    """0 for none."""
    floor: int
    """The highest revision that any replica has run; 0 where the database doesn't answer."""
    applied_revision: int
    """The revision that the roles of all existing users follow."""


class ServerStatus(Answer):
    """What a replica runs."""

    revision: int
    """Of the configuration, the lowest of a shard; 0 for none."""
    floor: int
    """The highest revision of any shard that any replica has run; 0 where the database doesn't answer."""
    applied_revision: int
    """The revision that the roles of all existing users follow, in every shard."""
    shards: Mapping[int, ShardStatus]
    """By number, 0 to 15."""
    source: str | None
    """Where the configuration comes from."""
    rejection: Rejection | None
    tenants: Mapping[str, TenantStatus]
    """By `namespace/name`."""
    version: str
    """Of the program."""


class SyncLogLine(Answer):
    """A request that wrote, or tried to."""

    time: str
    credential: str
    user_agent: str
    operation: str
    """In words: `deactivate user`, `add 3 members`, `no change`."""
    resource_type: str
    resource_id: str | None
    resource_name: str | None
    """userName or displayName."""
    status: int
    scim_type: str | None
    detail: str | None
    """Why it was refused, or what isn't plain from the operation."""
    changed: tuple[str, ...]
    """Names of attributes."""
    gained: Mapping[str, int]
    """By role, how many users gained it by this request."""
    lost: Mapping[str, int]
    duration_ms: float | None
    request_id: str


class SyncLogPage(Answer):
    lines: tuple[SyncLogLine, ...]
    next: str | None
    """What `after` has to be for the next page; None where there is none."""


class EventPage(Answer):
    events: tuple[Mapping[str, Any], ...]
    """As the feed of the public port has them; its document has their schema."""
    next: str
    """What `after` has to be for what follows."""


class CapturedRequests(Answer):
    captured: tuple[Mapping[str, Any], ...]
    """Requests and answers as docs/reference/sync-log.md shows them, the oldest first."""


class DeliveryLine(Answer):
    """What became of one event at one webhook."""

    webhook: str
    event: str
    """Its id."""
    type: str
    sequence: int
    subject: str | None
    """Id of the user or group that the event is about."""
    time: str
    """Of the event."""
    state: DeliveryState
    attempts: int
    tried_at: str | None
    next_at: str | None
    """When a pending one is tried at the earliest."""
    status: int | None
    """Of the last answer."""
    error: str | None


class DeliveryPage(Answer):
    deliveries: tuple[DeliveryLine, ...]
    next: str | None
    """What `after` has to be for the next page; None where there is none."""


class ReplayRequest(Answer):
    """`event`, or `since` with or without `until`. A webhook gets only what it is for."""

    event: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    webhook: str | None = None
    """None: all."""

    @model_validator(mode="after")
    def _event_or_time(self) -> Self:
        if (self.event is None) == (self.since is None) or (self.until is not None and self.since is None):
            raise ValueError("event, or since with or without until, is expected")
        return self


class Replayed(Answer):
    deliveries: int
    """How many are made."""
