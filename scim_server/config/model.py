"""The contract's configuration and secrets, as pydantic models. JSON is in camelCase; unknown fields are errors."""

from enum import StrEnum
from typing import Any, Self

from pydantic import Field, model_validator

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

SCHEMA_VERSION = 3
"""Raised when a field is added: a server that doesn't know the field must say so, not drop it."""

_LONGEST_DELAY_SECONDS = 365 * 24 * 3600
"""As of every duration in the custom resource."""

RETENTION_SECONDS = 90 * 24 * 3600
"""How long the users of a deleted ProvisioningConfig are kept where it doesn't say."""


class Role(Contract):
    """An entry of the catalogue."""

    name: Name
    display_name: str | None = None
    permissions: tuple[Name, ...] = ()


class GroupSelector(Contract):
    """SCIM groups by exactly one of their attributes.

    `display_name` compares without case; `display_name_pattern` is an RE2 expression that must match the
    whole name, with case as written.
    """

    external_id: Name | None = None
    display_name: Name | None = None
    display_name_pattern: Name | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if sum(value is not None for value in (self.external_id, self.display_name, self.display_name_pattern)) != 1:
            raise ValueError("exactly one of externalId, displayName and displayNamePattern is expected")
        if self.display_name_pattern is not None:
            compile_pattern(self.display_name_pattern)
        return self


class RoleRule(Contract):
    """One rule of a RoleMapping: members of any of `groups` have `roles`."""

    mapping: ResourceKey
    rule: Name
    groups: tuple[GroupSelector, ...] = Field(min_length=1)
    roles: tuple[Name, ...] = Field(min_length=1)


class AttributeRule(Contract):
    """One attribute of an AttributeMapping: `target` of the profile is the value at `path`, else `default`."""

    mapping: ResourceKey
    target: Name
    path: str | None = None
    default: str | None = None

    @model_validator(mode="after")
    def _some_source(self) -> Self:
        if self.path is None and self.default is None:
            raise ValueError("path or default is expected")
        return self


class Deprovisioning(Contract):
    """How a user leaves. A blocked user becomes deactivated after `deactivation_delay_seconds`."""

    deactivation_delay_seconds: int = Field(default=900, strict=True, ge=0, le=_LONGEST_DELAY_SECONDS)
    retention_seconds: int = Field(
        default=RETENTION_SECONDS,
        strict=True,
        ge=0,
        le=_LONGEST_DELAY_SECONDS,
        exclude_if=lambda value: value == RETENTION_SECONDS,
    )
    """How long the users of a deleted ProvisioningConfig are kept."""


class OnDeletion(StrEnum):
    """What becomes of the users when the ProvisioningConfig is deleted: kept for the retention, or erased at once."""

    RETAIN = "Retain"
    ERASE = "Erase"


class Conformance(StrEnum):
    """How requests are read: `Tolerant` of what providers send, or `Strict` as the interoperability profile wants."""

    TOLERANT = "Tolerant"
    STRICT = "Strict"


def _may_be_absent() -> Any:
    """An empty list that isn't written: what uses none of it has the bytes that it had before the field existed."""
    return Field(default=(), exclude_if=lambda value: not value)


class Tenant(Contract):
    """One ProvisioningConfig: served at `/{namespace}/{name}/scim/v2`, its users invisible to all others."""

    namespace: DnsLabel
    name: DnsLabel
    uid: str | None = Field(default=None, max_length=128, exclude_if=lambda value: value is None)
    """Of the object in its cluster: another one of the same name is a new tenant with former users."""
    deleted: bool = Field(default=False, exclude_if=lambda value: not value)
    """The ProvisioningConfig is gone. The entry stays until a server has noted that, so that a tenant that is merely
    missing is never taken for a deleted one; it serves nobody, and says what becomes of the users."""
    on_deletion: OnDeletion = Field(default=OnDeletion.RETAIN, exclude_if=lambda value: value == OnDeletion.RETAIN)
    display_name: str | None = None
    provider: str = "Generic"
    conformance: Conformance = Field(
        default=Conformance.TOLERANT, exclude_if=lambda value: value == Conformance.TOLERANT
    )
    credentials: tuple[BearerCredential, ...] = ()
    basic_credentials: tuple[BasicCredential, ...] = _may_be_absent()
    jwt_issuers: tuple[JwtIssuer, ...] = _may_be_absent()
    oauth_clients: tuple[OAuthClient, ...] = _may_be_absent()
    roles: tuple[Role, ...] = ()
    base_roles: tuple[Name, ...] = ()
    fallback_roles: tuple[Name, ...] = ()
    rules: tuple[RoleRule, ...] = ()
    attributes: tuple[AttributeRule, ...] = ()
    schemas: tuple[ExtensionSchema, ...] = _may_be_absent()
    deprovisioning: Deprovisioning = Deprovisioning()

    @property
    def key(self) -> str:
        """`namespace/name`: the first part of every key in storage."""
        return f"{self.namespace}/{self.name}"

    def credential_key(self, credential: str) -> str:
        """Where the digest of a credential stands in `ServerSecrets.digests`."""
        return f"{self.key}/{credential}"

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
