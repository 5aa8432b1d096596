"""ProvisioningConfig: one connection from one identity provider, which is one tenant."""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, StrictBool, StringConstraints, model_validator

from scim_operator.api.authentication import Authentication
from scim_operator.api.constants import PROVISIONING_CONFIG
from scim_operator.api.delivery import EventDelivery
from scim_operator.api.duration import Duration
from scim_operator.api.resource import ApiModel, Name, Resource, Time, require_unique
from scim_operator.api.safety import Safety
from scim_server.config import Conformance, Mode, OnDelete, OnDeletion, ProviderRoles


class Provider(StrEnum):
    """Who sends. What the providers do differently is tolerated for all; this says what is shown and documented."""

    OKTA = "Okta"
    ENTRA_ID = "EntraID"
    PING_ONE = "PingOne"
    PING_FEDERATE = "PingFederate"
    GOOGLE = "Google"
    ONE_LOGIN = "OneLogin"
    JUMP_CLOUD = "JumpCloud"
    KEYCLOAK = "Keycloak"
    AUTHENTIK = "Authentik"
    GENERIC = "Generic"


class RoleEntry(ApiModel):
    """An entry of the catalogue: the only roles that mappings may grant."""

    name: Name
    display_name: str | None = None
    permissions: tuple[Name, ...] = ()
    sensitive: StrictBool = False


class Deprovisioning(ApiModel):
    deactivation_delay: Duration = timedelta(minutes=15)
    on_delete: OnDelete = OnDelete.DEACTIVATE
    retention: Duration = timedelta(days=90)
    """How long tombstones, the sync log, events and the users of a deleted config are kept."""


class Debug(ApiModel):
    capture_until: Time | None = None
    """Requests are kept with their bodies in the hour before it."""


class LabelSelectorRequirement(ApiModel):
    key: str
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist"]
    values: tuple[str, ...] = ()


class LabelSelector(ApiModel):
    """`metav1.LabelSelector`. An empty one selects everything."""

    match_labels: dict[str, str] = Field(default_factory=dict)
    match_expressions: tuple[LabelSelectorRequirement, ...] = ()


class NamespacesFrom(StrEnum):
    SAME = "Same"
    ALL = "All"
    SELECTOR = "Selector"


class AllowedNamespaces(ApiModel):
    """Which namespaces may attach mappings. The config's own always may."""

    from_: NamespacesFrom = Field(default=NamespacesFrom.SAME, alias="from")
    selector: LabelSelector | None = None

    @model_validator(mode="after")
    def _selector_where_used(self) -> Self:
        if (self.from_ is NamespacesFrom.SELECTOR) != (self.selector is not None):
            raise ValueError("selector is expected with from: Selector, and only there")
        return self


class ProvisioningConfigSpec(ApiModel):
    display_name: Annotated[str, StringConstraints(max_length=256)] | None = None
    provider: Provider = Provider.GENERIC
    mode: Mode = Mode.ENFORCE
    conformance: Conformance = Conformance.TOLERANT
    suspend: StrictBool = False
    authentication: Authentication
    roles: tuple[RoleEntry, ...] = ()
    base_roles: tuple[Name, ...] = ()
    fallback_roles: tuple[Name, ...] = ()
    provider_roles: ProviderRoles = ProviderRoles.IGNORE
    deprovisioning: Deprovisioning = Deprovisioning()
    safety: Safety = Safety()
    delivery: EventDelivery = EventDelivery()
    debug: Debug = Debug()
    on_deletion: OnDeletion = OnDeletion.RETAIN
    allowed_namespaces: AllowedNamespaces = AllowedNamespaces()

    @model_validator(mode="after")
    def _roles_once(self) -> Self:
        require_unique("role", [role.name for role in self.roles])
        return self


class ProvisioningConfig(Resource):
    kind: ClassVar[str] = PROVISIONING_CONFIG

    spec: ProvisioningConfigSpec

    @property
    def endpoint(self) -> str:
        """Path of the SCIM base URL on the server's public port."""
        return f"/{self.metadata.namespace}/{self.metadata.name}/scim/v2"
