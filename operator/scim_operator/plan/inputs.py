"""What the plan of one tenant is made from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from scim_operator.api import AttributeMapping, ObjectKey, ProvisioningConfig, RoleMapping
from scim_server.config import Tenant


@dataclass(frozen=True, slots=True)
class TenantInputs:
    """Everything that is known about one ProvisioningConfig. The order of nothing in here matters."""

    config_key: ObjectKey
    config: ProvisioningConfig | None
    """None: there is none, or it doesn't parse (then `invalid` says why)."""

    invalid: str | None
    """The object exists but doesn't parse: what is wrong with it."""

    role_mappings: tuple[RoleMapping, ...]
    """Every RoleMapping whose `configRef` names `config_key`, in any namespace, permitted or not."""

    attribute_mappings: tuple[AttributeMapping, ...]
    """Every AttributeMapping likewise."""

    secrets: Mapping[ObjectKey, Mapping[str, bytes]]
    """Those that exist among the Secrets that `secret_refs(config)` names, with their values by key."""

    namespaces: Mapping[str, Mapping[str, str]]
    """Labels of the mappings' namespaces, by name. One that is missing has no labels."""

    token_key: bytes = field(repr=False)
    """The installation's key, under which digests of tokens are made."""

    previous: Tenant | None
    """What is delivered now: kept while the config is suspended or can't be used, unless it is of another object."""

    previous_digests: Mapping[str, str] = field(repr=False)
    """The digests that are delivered now, under `Tenant.credential_key(name)`. May hold those of other tenants."""

    previous_webhook_keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)
    """The signing keys that are delivered now, under `Tenant.webhook_key(name)`. May hold those of other tenants."""

    uid: str | None = None
    """Of the object, whether it parses or not. None where objects have none."""

    now: datetime | None = None
    """For `expiresAt`. Without it no credential counts as expired here; the server checks at each request anyway."""

    invalid_mappings: Mapping[tuple[str, ObjectKey], str] = field(default_factory=dict)
    """Mappings (kind, key) that name `config_key` but don't parse: what is wrong with each."""

    departure_noted: bool = False
    """Every server has noted that this tenant is deleted, as `previous` says."""

    @property
    def settings_before(self) -> Tenant | None:
        """`previous`, unless it is what is left of a deleted config."""
        return None if self.previous is None or self.previous.deleted else self.previous

    @property
    def departed(self) -> Tenant | None:
        """`previous` if it is what is left of a deleted config."""
        return self.previous if self.previous is not None and self.previous.deleted else None
