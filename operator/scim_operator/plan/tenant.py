"""The plan of one tenant, from everything that is known about its ProvisioningConfig.

What can't be used never widens anything, and what was taken away stays away:

* no config, or one that is being deleted: of the tenant that is delivered nothing stays but its name and what is to
  become of its users, until the servers have noted that; then nothing;
* suspended: exactly what is delivered now, and nothing is said about it;
* a spec that can't be used: its settings (catalogue, base and fallback roles, deprovisioning) stay as delivered,
  while mappings, and credentials as far as the spec parses, are followed as always: a deleted mapping's roles and
  a deleted Secret's token go even then.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from scim_operator.api import Condition, ProvisioningConfig, reasons
from scim_operator.plan.attachments import (
    Attachments,
    attachments,
    config_invalid,
    config_not_found,
    permitted_by,
    permitted_never,
    permitted_unread,
)
from scim_operator.plan.attribute_rules import Claims, plan_attribute_mapping
from scim_operator.plan.catalogue import catalogue_problems, roles_of
from scim_operator.plan.credentials import Credentials, delivered_credentials, plan_credentials
from scim_operator.plan.inputs import TenantInputs
from scim_operator.plan.role_rules import plan_role_mapping
from scim_operator.plan.verdicts import ConfigVerdict, MappingVerdict, MappingVerdicts, Problem, TenantPlan
from scim_server.config import AttributeRule, Deprovisioning, ExtensionSchema, RoleRule, Tenant


def plan_tenant(inputs: TenantInputs) -> TenantPlan:
    """Pure: equal inputs in any order give an equal plan. Never raises."""
    if inputs.invalid is not None:
        return _plan_unparsed(inputs, inputs.invalid)
    if inputs.config is None or inputs.config.being_deleted:
        return _plan_absent(inputs)
    if inputs.config.spec.suspend:
        return _plan_suspended(inputs)
    return _plan_config(inputs, inputs.config)


def _plan_config(inputs: TenantInputs, config: ProvisioningConfig) -> TenantPlan:
    problems = catalogue_problems(config)
    settings = inputs.settings_before if problems else _settings(config)
    credentials = plan_credentials(config, inputs.secrets, inputs.token_key, inputs.now)
    attached = attachments(inputs.role_mappings, inputs.attribute_mappings, permitted_by(config, inputs.namespaces))
    mappings = _plan_mappings(inputs, attached, settings)
    verdict = ConfigVerdict(
        resolved_refs=credentials.resolved_refs,
        stalled=_stalled("; ".join(_located(problem) for problem in problems)),
        mappings=mappings.in_effect,
        credentials=credentials.statuses,
        problems=(*problems, *credentials.problems),
    )
    if settings is None:
        return TenantPlan(inputs.departed, {}, verdict, mappings.verdicts)
    return _delivered(settings, mappings, credentials, verdict)


def _plan_unparsed(inputs: TenantInputs, invalid: str) -> TenantPlan:
    settings = inputs.settings_before
    attached = attachments(
        inputs.role_mappings, inputs.attribute_mappings, permitted_unread(inputs.config_key, settings)
    )
    mappings = _plan_mappings(inputs, attached, settings)
    credentials = delivered_credentials(settings, inputs.previous_digests) if settings else Credentials()
    verdict = ConfigVerdict(
        resolved_refs=Condition(reasons.RESOLVED_REFS, "Unknown", reasons.INVALID_SPEC, "the spec can't be read"),
        stalled=_stalled(invalid),
        mappings=mappings.in_effect,
        credentials=credentials.statuses,
        problems=(Problem(("spec",), reasons.INVALID_SPEC, invalid),),
    )
    if settings is None:
        return TenantPlan(inputs.departed, {}, verdict, mappings.verdicts)
    return _delivered(settings, mappings, credentials, verdict)


def _plan_absent(inputs: TenantInputs) -> TenantPlan:
    attached = attachments(inputs.role_mappings, inputs.attribute_mappings, permitted_never)
    return TenantPlan(_deleted(inputs), {}, None, _plan_mappings(inputs, attached, None).verdicts)


def _deleted(inputs: TenantInputs) -> Tenant | None:
    """What tells the servers that the config is gone, rather than that it is missing by some mistake."""
    previous = inputs.previous
    if previous is None or (previous.deleted and inputs.departure_noted):
        return None
    return Tenant(
        namespace=previous.namespace,
        name=previous.name,
        deleted=True,
        on_deletion=previous.on_deletion,
        deprovisioning=previous.deprovisioning,
    )


def _plan_suspended(inputs: TenantInputs) -> TenantPlan:
    previous = inputs.previous
    if previous is None:
        return TenantPlan(None, {}, None, {})
    digests = delivered_credentials(previous, inputs.previous_digests).digests
    return TenantPlan(previous, _by_key(previous, digests), None, {})


@dataclass(frozen=True, slots=True)
class _Mappings:
    rules: tuple[RoleRule, ...] = ()
    attributes: tuple[AttributeRule, ...] = ()
    schemas: tuple[ExtensionSchema, ...] = ()
    verdicts: MappingVerdicts = field(default_factory=dict)

    @property
    def in_effect(self) -> int:
        return sum(verdict.accepted for verdict in self.verdicts.values())


def _plan_mappings(inputs: TenantInputs, attached: Attachments, settings: Tenant | None) -> _Mappings:
    verdicts = {
        (mapping.kind, mapping.key): config_not_found(inputs.config_key, mapping.metadata.namespace)
        for mapping in attached.refused
    }
    for key, reason in inputs.invalid_mappings.items():
        verdicts[key] = MappingVerdict.refused(Problem(("spec",), reasons.INVALID_SPEC, reason))
    if settings is None:
        for mapping in attached.permitted:
            verdicts[mapping.kind, mapping.key] = config_invalid(inputs.config_key)
        return _Mappings(verdicts=verdicts)

    catalogue = {role.name for role in settings.roles}
    rules: list[RoleRule] = []
    for role_mapping in attached.role_mappings:
        found, verdict = plan_role_mapping(role_mapping, catalogue, settings.key)
        rules += found
        verdicts[role_mapping.kind, role_mapping.key] = verdict

    attributes: list[AttributeRule] = []
    schemas: list[ExtensionSchema] = []
    claims = Claims.of(attached.attribute_mappings)
    for attribute_mapping in attached.attribute_mappings:
        planned, verdict = plan_attribute_mapping(attribute_mapping, claims)
        attributes += planned.rules
        schemas += planned.schemas
        verdicts[attribute_mapping.kind, attribute_mapping.key] = verdict

    return _Mappings(
        tuple(sorted(rules, key=lambda rule: (rule.mapping, rule.rule))),
        tuple(sorted(attributes, key=lambda attribute: attribute.target)),
        tuple(sorted(schemas, key=lambda schema: schema.id.lower())),
        verdicts,
    )


def _settings(config: ProvisioningConfig) -> Tenant:
    """What the config says itself: no credentials, rules and attributes yet."""
    return Tenant(
        namespace=config.metadata.namespace,
        name=config.metadata.name,
        uid=config.metadata.uid or None,
        on_deletion=config.spec.on_deletion,
        display_name=config.spec.display_name,
        provider=config.spec.provider.value,
        conformance=config.spec.conformance,
        roles=roles_of(config),
        base_roles=_once_sorted(config.spec.base_roles),
        fallback_roles=_once_sorted(config.spec.fallback_roles),
        deprovisioning=Deprovisioning(
            deactivation_delay_seconds=int(config.spec.deprovisioning.deactivation_delay.total_seconds()),
            retention_seconds=int(config.spec.deprovisioning.retention.total_seconds()),
        ),
    )


def _delivered(
    settings: Tenant,
    mappings: _Mappings,
    credentials: Credentials,
    verdict: ConfigVerdict,
) -> TenantPlan:
    tenant = settings.model_copy(
        update={
            **credentials.fields,
            "rules": mappings.rules,
            "attributes": mappings.attributes,
            "schemas": mappings.schemas,
        }
    )
    return TenantPlan(tenant, _by_key(tenant, credentials.digests), verdict, mappings.verdicts)


def _by_key(tenant: Tenant, digests: Mapping[str, str]) -> dict[str, str]:
    return {tenant.credential_key(name): digest for name, digest in digests.items()}


def _stalled(reason: str) -> Condition:
    if reason:
        return Condition.of(reasons.STALLED, True, reasons.INVALID_SPEC, reason)
    return Condition.of(reasons.STALLED, False, reasons.NOT_STALLED, "the spec is valid")


def _located(problem: Problem) -> str:
    return f"{problem.field}: {problem.message}"


def _once_sorted(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(names)))
