"""What the plan of one tenant says: the tenant, and what to tell the authors of its parts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby

from scim_operator.api import Condition, FieldPath, ObjectKey, format_field_path, reasons
from scim_server.config import Tenant

_NAMED = 5
"""So many mappings, roles or rules a message names; of the others only the number is told."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that its author has to put right. `path` is the field of the object, from its root."""

    path: FieldPath
    reason: str
    message: str
    effect: str = ""
    """What is in effect of that part meanwhile."""

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

    mappings_ready: Condition
    """Whether they are in effect as declared, all of those that may attach. Not a condition of its own: `Ready` says
    it."""

    credentials: tuple[CredentialStatus, ...]
    """The usable ones, by name."""

    problems: tuple[Problem, ...] = ()

    @property
    def conditions(self) -> tuple[Condition, Condition]:
        return self.resolved_refs, self.stalled


@dataclass(frozen=True, slots=True)
class MappingVerdict:
    """Of a RoleMapping or AttributeMapping, before delivery: `Accepted` and `Stalled`."""

    accepted: bool
    """Whether all of the mapping is in the tenant as declared."""

    in_effect: bool
    """Whether anything of it is in the tenant, so that `Programmed` can become true."""

    reason: str
    message: str
    problems: tuple[Problem, ...] = ()
    notes: tuple[Problem, ...] = ()
    """What is as declared and worth knowing."""

    @property
    def condition(self) -> Condition:
        return Condition.of(reasons.ACCEPTED, self.accepted, self.reason, self.message)

    @property
    def stalled(self) -> Condition:
        """False also where the mapping waits for its ProvisioningConfig: nothing is wrong with it then."""
        if self.accepted or self.reason in reasons.WAITING_FOR_CONFIG:
            return Condition.of(reasons.STALLED, False, reasons.NOT_STALLED, "the spec can be used")
        return Condition.of(reasons.STALLED, True, self.reason, self.message)

    @classmethod
    def refused(cls, problem: Problem) -> "MappingVerdict":
        return cls(False, False, problem.reason, problem.message, (problem,))

    @classmethod
    def unreadable(cls, invalid: str, in_effect: bool) -> "MappingVerdict":
        """A spec that doesn't parse."""
        message = f"{invalid}; what it gave last stays in effect" if in_effect else invalid
        problem = Problem(("spec",), reasons.INVALID_SPEC, message)
        return cls(False, in_effect, problem.reason, message, (problem,))

    @classmethod
    def of_parts(
        cls,
        what: str,
        in_effect: bool,
        intact: int,
        problems: Sequence[Problem],
        reason: str,
        notes: Sequence[Problem] = (),
    ) -> "MappingVerdict":
        """A mapping of which `intact` parts are in effect as declared. `what` names them in the plural: "rules".

        `reason` is for where there are problems.
        """
        said = [note.message for note in notes[:_NAMED]]
        if len(notes) > _NAMED:
            said.append(f"so did {len(notes) - _NAMED} more")
        if not problems:
            message = "; ".join([f"all {what} are in effect", *said])
            return cls(True, in_effect, reasons.ACCEPTED, message, notes=tuple(notes))
        messages: list[str] = []
        for effect, group in groupby(problems, key=lambda problem: problem.effect):
            messages += [problem.message for problem in group] + ([effect] if effect else [])
        if intact:
            messages.append(f"the other {what} are in effect")
        message = "; ".join(dict.fromkeys([*messages, *said]))
        return cls(False, in_effect, reason, message, tuple(problems), tuple(notes))


MappingVerdicts = Mapping[tuple[str, ObjectKey], MappingVerdict]
"""Verdicts by kind and key."""


def mappings_ready(verdicts: MappingVerdicts, kept_roles: Sequence[str]) -> Condition:
    """Whether all mappings that may attach are in effect as declared. `kept_roles`: those that are in the catalogue
    only because rules still give them."""
    odd = sorted(
        f"{kind} {key}"
        for (kind, key), verdict in verdicts.items()
        if not verdict.accepted and verdict.reason != reasons.CONFIG_NOT_FOUND
    )
    if not odd:
        return Condition.of(reasons.READY, True, reasons.SUCCEEDED, "all mappings are in effect as declared")
    message = f"not in effect as declared: {_named(odd)}; the condition Accepted of each says why"
    if kept_roles:
        message += f"; in effect there though no longer in the catalogue: {_named(kept_roles)}"
    return Condition.of(reasons.READY, False, reasons.MAPPINGS_NOT_AS_DECLARED, message)


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


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

    webhook_keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)
    """The signing keys of its webhooks, under `Tenant.webhook_key(name)`. A webhook without keys waits."""
