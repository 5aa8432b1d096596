"""What the plan of one tenant says: the tenant, and what to tell the authors of its parts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from scim_operator.api import Condition, FieldPath, ObjectKey, format_field_path, reasons
from scim_server.config import Tenant


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that its author has to put right. `path` is the field of the object, from its root."""

    path: FieldPath
    reason: str
    message: str

    @property
    def field(self) -> str:
        return format_field_path(self.path)


@dataclass(frozen=True, slots=True)
class CredentialStatus:
    """A credential that is delivered."""

    name: str
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class ConfigVerdict:
    """Of a ProvisioningConfig, before delivery: `ResolvedRefs` and `Stalled`."""

    resolved_refs: Condition
    stalled: Condition
    mappings: int
    """RoleMappings and AttributeMappings that are in effect, wholly or in part."""

    credentials: tuple[CredentialStatus, ...]
    """The usable ones, by name."""

    problems: tuple[Problem, ...] = ()

    @property
    def conditions(self) -> tuple[Condition, Condition]:
        return self.resolved_refs, self.stalled


@dataclass(frozen=True, slots=True)
class MappingVerdict:
    """Of a RoleMapping or AttributeMapping, before delivery: `Accepted`."""

    accepted: bool
    """Whether anything of the mapping is in the tenant, so that `Programmed` can become true."""

    reason: str
    message: str
    problems: tuple[Problem, ...] = ()

    @property
    def condition(self) -> Condition:
        return Condition.of(reasons.ACCEPTED, self.accepted, self.reason, self.message)

    @classmethod
    def refused(cls, problem: Problem) -> "MappingVerdict":
        return cls(False, problem.reason, problem.message, (problem,))

    @classmethod
    def of_parts(cls, what: str, in_effect: int, problems: Sequence[Problem]) -> "MappingVerdict":
        """A mapping of which `in_effect` parts work. `what` names them in the plural: "rules"."""
        messages = "; ".join(dict.fromkeys(problem.message for problem in problems))
        if not problems:
            return cls(True, reasons.ACCEPTED, f"all {what} are in effect")
        if not in_effect:
            return cls(False, problems[0].reason, messages, tuple(problems))
        return cls(True, reasons.PARTIALLY_INVALID, f"the other {what} are in effect: {messages}", tuple(problems))


MappingVerdicts = Mapping[tuple[str, ObjectKey], MappingVerdict]
"""Verdicts by kind and key."""


@dataclass(frozen=True, slots=True)
class TenantPlan:
    """What one tenant should be."""

    tenant: Tenant | None
    """None: this tenant is not to be served."""

    digests: Mapping[str, str] = field(repr=False)
    """Of its credentials, under `Tenant.credential_key(name)`."""

    config_verdict: ConfigVerdict | None
    """None: there is no ProvisioningConfig to report on, or it is suspended and must be left alone."""

    mapping_verdicts: MappingVerdicts
