"""The contract's configuration and secrets, as pydantic models. JSON is in camelCase; unknown fields are errors."""

from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints, model_validator

from scim_server.config.contract import Contract, Digest, DnsLabel, Name, ResourceKey, Revision, require_unique
from scim_server.config.credentials import (
    BasicCredential,
    BearerCredential,
    Credential,
    JwtIssuer,
    OAuthClient,
)
from scim_server.config.extension_schemas import ExtensionSchema
from scim_server.config.patterns import compile_pattern
from scim_server.config.shards import ShardNumber, shard_of
from scim_server.config.webhook_url import check_webhook_url

SCHEMA_VERSION = 4
"""Raised when a field is added: a server that doesn't know the field must say so, not drop it."""

_LONGEST_DELAY_SECONDS = 365 * 24 * 3600
"""As of every duration in the custom resource."""

RETENTION_SECONDS = 90 * 24 * 3600
"""How long the users of a deleted ProvisioningConfig are kept where it doesn't say."""


Expression = Annotated[str, StringConstraints(min_length=1, max_length=2048)]
"""CEL over `user`, the SCIM resource: see `provisioning.expressions`."""


def _absent_where(usual: Any) -> Any:
    """A field that isn't written where it has its usual value: what uses none of it has the bytes that it had before
    the field existed."""
    return Field(default=usual, exclude_if=lambda value: value == usual)


class Role(Contract):
    """An entry of the catalogue. A `sensitive` one is told apart wherever people look at roles."""

    name: Name
    display_name: str | None = None
    permissions: tuple[Name, ...] = ()
    sensitive: bool = _absent_where(False)


class GroupSelector(Contract):
    """SCIM groups by exactly one of their attributes.

    `display_name` compares without case; `display_name_pattern` is an RE2 expression that must match the
    whole name, with case as written.
    """

    external_id: Name | None = None
    id: Name | None = _absent_where(None)
    display_name: Name | None = None
    display_name_pattern: Name | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        given = (self.external_id, self.id, self.display_name, self.display_name_pattern)
        if sum(value is not None for value in given) != 1:
            raise ValueError("exactly one of externalId, id, displayName and displayNamePattern is expected")
        if self.display_name_pattern is not None:
            compile_pattern(self.display_name_pattern)
        return self


class RoleRule(Contract):
    """One rule of a RoleMapping: members of any of `groups` of whom `when` is true have `roles`, from `not_before`
    on and until `not_after`. Without groups it is for all users of whom `when` is true.
    """

    mapping: ResourceKey
    rule: Name
    groups: tuple[GroupSelector, ...] = ()
    when: Expression | None = _absent_where(None)
    roles: tuple[Name, ...] = Field(min_length=1)
    not_before: AwareDatetime | None = _absent_where(None)
    not_after: AwareDatetime | None = _absent_where(None)
    preview: bool = _absent_where(False)
    """It gives nothing: it is asked who would gain and lose what (`mode: Preview`)."""

    @model_validator(mode="after")
    def _groups_or_when(self) -> Self:
        if not self.groups and self.when is None:
            raise ValueError("groups, when or both are expected")
        return self

    @model_validator(mode="after")
    def _window_has_time(self) -> Self:
        if self.not_before is not None and self.not_after is not None and self.not_before >= self.not_after:
            raise ValueError("notAfter: a time after notBefore is expected")
        return self


class Update(StrEnum):
    """Whether later changes of a user change a target: `Always`, or `OnCreate`, where its first value stays."""

    ALWAYS = "Always"
    ON_CREATE = "OnCreate"


class OnMissing(StrEnum):
    """What becomes of a write that leaves a user without a value for a target: taken, or refused with 400."""

    ACCEPT = "Accept"
    REJECT = "Reject"


class GroupValue(Contract):
    """The value for members of the groups that the selector names."""

    group: GroupSelector
    value: str


class AttributeRule(Contract):
    """One attribute of an AttributeMapping: `target` of the profile is the value at `path`, of `expression`, or of
    the first of `from_groups` that the user is a member of; else `default`."""

    mapping: ResourceKey
    target: Name
    path: str | None = None
    expression: Expression | None = _absent_where(None)
    from_groups: tuple[GroupValue, ...] = _absent_where(())
    default: str | None = None
    update: Update = _absent_where(Update.ALWAYS)
    on_missing: OnMissing = _absent_where(OnMissing.ACCEPT)

    @model_validator(mode="after")
    def _some_source(self) -> Self:
        sources = (self.path is not None) + (self.expression is not None) + bool(self.from_groups)
        if sources > 1:
            raise ValueError("one of path, expression and fromGroups is expected")
        if sources == 0 and self.default is None:
            raise ValueError("path, expression, fromGroups or default is expected")
        return self


class Mode(StrEnum):
    """`Enforce`, or `Observe`: requests are validated, logged and answered; nothing reaches applications."""

    ENFORCE = "Enforce"
    OBSERVE = "Observe"


class ProviderRoles(StrEnum):
    """Whether roles that the provider sends, of those in the catalogue, are granted: `Ignore` or `Accept`."""

    IGNORE = "Ignore"
    ACCEPT = "Accept"


class OnDelete(StrEnum):
    """What a DELETE of a user leaves behind, after the deactivation delay: a tombstone for the retention, or nothing
    (`Erase`)."""

    DEACTIVATE = "Deactivate"
    ERASE = "Erase"


class Deprovisioning(Contract):
    """How a user leaves. A blocked user becomes deactivated after `deactivation_delay_seconds`."""

    deactivation_delay_seconds: int = Field(default=900, strict=True, ge=0, le=_LONGEST_DELAY_SECONDS)
    on_delete: OnDelete = _absent_where(OnDelete.DEACTIVATE)
    retention_seconds: int = Field(
        default=RETENTION_SECONDS,
        strict=True,
        ge=0,
        le=_LONGEST_DELAY_SECONDS,
        exclude_if=lambda value: value == RETENTION_SECONDS,
    )
    """How long tombstones, events, the sync log and the users of a deleted ProvisioningConfig are kept."""


Percent = Annotated[int, Field(strict=True, ge=0, le=100)]
Count = Annotated[int, Field(strict=True, ge=0, le=2**31 - 1)]
Seconds = Annotated[int, Field(strict=True, ge=1, le=_LONGEST_DELAY_SECONDS)]


class ProtectedUser(Contract):
    """A user whom no provider can block, deactivate or delete, by exactly one of its attributes.

    `user_name` compares without case."""

    user_name: Name | None = None
    external_id: Name | None = None
    id: Name | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if sum(value is not None for value in (self.user_name, self.external_id, self.id)) != 1:
            raise ValueError("exactly one of userName, externalId and id is expected")
        return self


class DeactivationLimit(Contract):
    """So many users may be deactivated within the window: the larger one of the two counts."""

    percent: Percent = 10
    count: Count = 25
    per_seconds: Seconds = 3600


class RoleChangeLimit(Contract):
    """So many holders of roles may lose one by one change of mappings: the larger one of the two counts."""

    percent: Percent = 20
    count: Count = 50


class Decision(StrEnum):
    """On what is held: `Apply` lets it happen, `Discard` leaves things as they were."""

    APPLY = "Apply"
    DISCARD = "Discard"


class HoldDecision(Contract):
    """The decision on one hold, by its id."""

    hold: Name
    decision: Decision


class Safety(Contract):
    """Guards. What is beyond a limit is held, not refused, for `hold_for_seconds` at most."""

    protected_users: tuple[ProtectedUser, ...] = ()
    max_deactivations: DeactivationLimit = DeactivationLimit()
    max_role_changes: RoleChangeLimit = RoleChangeLimit()
    hold_for_seconds: Seconds = 4 * 3600
    on_hold_expiry: Decision = Decision.APPLY
    decisions: tuple[HoldDecision, ...] = ()


WebhookKey = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9+/]{32,128}={0,2}$")]
"""24 to 96 bytes, in base64: Standard Webhooks asks for 24 to 64."""


class WebhookFormat(StrEnum):
    STANDARD_WEBHOOKS = "StandardWebhooks"
    CLOUD_EVENTS = "CloudEvents"


class Webhook(Contract):
    """Where events go. Its signing keys stand in `ServerSecrets.webhook_keys`.

    `events`: types such as `user.created`, or `user.*`; `*` for all.
    """

    name: Name
    url: Annotated[str, StringConstraints(min_length=1, max_length=2048), AfterValidator(check_webhook_url)]
    events: tuple[Name, ...] = ("*",)
    format: WebhookFormat = WebhookFormat.STANDARD_WEBHOOKS


class OnDeletion(StrEnum):
    """What becomes of the users when the ProvisioningConfig is deleted: kept for the retention, or erased at once."""

    RETAIN = "Retain"
    ERASE = "Erase"


class Conformance(StrEnum):
    """How requests are read: `Tolerant` of what providers send, or `Strict` as the interoperability profile wants."""

    TOLERANT = "Tolerant"
    STRICT = "Strict"


class Tenant(Contract):
    """One ProvisioningConfig: served at `/{namespace}/{name}/scim/v2`, its users invisible to all others."""

    namespace: DnsLabel
    name: DnsLabel
    uid: Annotated[str, StringConstraints(max_length=128)] | None = _absent_where(None)
    """Of the object in its cluster: another one of the same name is a new tenant with former users."""
    deleted: bool = _absent_where(False)
    """The ProvisioningConfig is gone. The entry stays until a server has noted that, so that a tenant that is merely
    missing is never taken for a deleted one; it serves nobody, and says what becomes of the users."""
    on_deletion: OnDeletion = _absent_where(OnDeletion.RETAIN)
    display_name: str | None = None
    provider: str = "Generic"
    conformance: Conformance = _absent_where(Conformance.TOLERANT)
    mode: Mode = _absent_where(Mode.ENFORCE)
    credentials: tuple[BearerCredential, ...] = ()
    basic_credentials: tuple[BasicCredential, ...] = _absent_where(())
    jwt_issuers: tuple[JwtIssuer, ...] = _absent_where(())
    oauth_clients: tuple[OAuthClient, ...] = _absent_where(())
    roles: tuple[Role, ...] = ()
    base_roles: tuple[Name, ...] = ()
    fallback_roles: tuple[Name, ...] = ()
    provider_roles: ProviderRoles = _absent_where(ProviderRoles.IGNORE)
    rules: tuple[RoleRule, ...] = ()
    attributes: tuple[AttributeRule, ...] = ()
    schemas: tuple[ExtensionSchema, ...] = _absent_where(())
    deprovisioning: Deprovisioning = Deprovisioning()
    safety: Safety = _absent_where(Safety())
    webhooks: tuple[Webhook, ...] = _absent_where(())
    capture_until: AwareDatetime | None = _absent_where(None)
    """Requests are captured, redacted, until then; for an hour at most."""

    @property
    def key(self) -> str:
        """`namespace/name`: the first part of every key in storage."""
        return f"{self.namespace}/{self.name}"

    def credential_key(self, credential: str) -> str:
        """Where the digest of a credential stands in `ServerSecrets.digests`."""
        return f"{self.key}/{credential}"

    def webhook_key(self, webhook: str) -> str:
        """Where the signing keys of a webhook stand in `ServerSecrets.webhook_keys`."""
        return f"{self.key}/{webhook}"

    @property
    def all_credentials(self) -> tuple[Credential, ...]:
        """Of every kind."""
        return (*self.credentials, *self.basic_credentials, *self.jwt_issuers, *self.oauth_clients)

    @property
    def digest_names(self) -> tuple[str, ...]:
        """The credentials for which `ServerSecrets.digests` must hold a digest."""
        shared: list[Credential] = [*self.credentials, *self.basic_credentials]
        shared += [client for client in self.oauth_clients if not client.has_keys]
        return tuple(credential.name for credential in shared)

    @property
    def kept_after_deletion_seconds(self) -> int:
        """How long its users outlive it."""
        return 0 if self.on_deletion is OnDeletion.ERASE else self.deprovisioning.retention_seconds

    @model_validator(mode="after")
    def _deleted_serves_nobody(self) -> Self:
        if self.deleted and self.all_credentials:
            raise ValueError(f"credentials: {self.key} is deleted, which leaves it none")
        return self

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        require_unique("credentials", [credential.name for credential in self.all_credentials])
        require_unique("oauthClients", [client.client_id for client in self.oauth_clients])
        require_unique("roles", [role.name for role in self.roles])
        require_unique("rules", [f"{rule.mapping}/{rule.rule}" for rule in self.rules])
        require_unique("attributes", [attribute.target for attribute in self.attributes])
        require_unique("webhooks", [webhook.name for webhook in self.webhooks])
        require_unique("safety.decisions", [decision.hold for decision in self.safety.decisions])
        require_unique("schemas", [schema.id.lower() for schema in self.schemas])
        catalogue = {role.name for role in self.roles}
        granted = {"baseRoles": self.base_roles, "fallbackRoles": self.fallback_roles} | {
            f"rules[{rule.mapping}/{rule.rule}].roles": rule.roles for rule in self.rules
        }
        for field, roles in granted.items():
            for role in roles:
                if role not in catalogue:
                    raise ValueError(f"{field}: role {role!r} is not in the catalogue of {self.key}")
        return self


class ServerConfig(Contract):
    """Everything a server needs to know, apart from secrets: one shard of it, or the whole. Never a delta."""

    schema_version: int = Field(default=SCHEMA_VERSION, strict=True)
    shard: ShardNumber | None = None
    revision: Revision
    tenants: tuple[Tenant, ...] = ()

    @model_validator(mode="after")
    def _tenants_once(self) -> Self:
        require_unique("tenants", [tenant.key for tenant in self.tenants])
        return self

    @model_validator(mode="after")
    def _tenants_of_the_shard(self) -> Self:
        for tenant in self.tenants:
            if self.shard is not None and shard_of(tenant.key) != self.shard:
                raise ValueError(f"tenants: {tenant.key} is not of shard {self.shard}")
        return self


class ServerSecrets(Contract):
    """The secret half: the key of the installation (64 hexadecimal digits) and digests of tokens and passwords."""

    schema_version: int = Field(default=SCHEMA_VERSION, strict=True)
    shard: ShardNumber | None = None
    revision: Revision
    token_key: Digest = Field(repr=False)
    digests: dict[str, Digest] = Field(default_factory=dict, repr=False)
    webhook_keys: dict[str, tuple[WebhookKey, ...]] = Field(
        default_factory=dict, repr=False, exclude_if=lambda value: not value
    )
    """Signing keys of each webhook (`Tenant.webhook_key`), in base64. What is sent is signed with each of them. A
    webhook may have none, while its Secret is missing: then its events wait."""
