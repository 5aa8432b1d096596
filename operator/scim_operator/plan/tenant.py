"""The plan of one tenant, from everything that is known about its ProvisioningConfig.

What can't be used never widens anything, and what was taken away stays away:

* no config, or one that is being deleted: of the tenant that is delivered nothing stays but its name and what is to
  become of its users, until the servers have noted that; then nothing;
* another object of the same name: what is delivered is that of a deleted config, and nothing of it stays;
* suspended: exactly what is delivered now, and nothing is said about it;
* a spec that can't be used: its settings (catalogue, base and fallback roles, deprovisioning, safety) stay as
  delivered, while mappings, and credentials and webhooks as far as the spec parses, are followed as always: a deleted
  mapping's roles and a deleted Secret's token go even then;
* a rule or an attribute that can't be used as it is: what it gave before stays (`kept_rules`), until it is corrected
  or deleted; a mapping that doesn't parse likewise. The catalogue keeps the roles that such rules give.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeGuard

from scim_operator.api import ATTRIBUTE_MAPPING, ROLE_MAPPING, Condition, ProvisioningConfig, reasons
from scim_operator.plan.attachments import (
    Attachments,
    MappingKey,
    attachments,
    config_invalid,
    config_not_found,
    permitted_by,
    permitted_never,
    permitted_unread,
)
from scim_operator.plan.attribute_rules import Claims, Kept, kept_schemas, plan_attribute_mapping
from scim_operator.plan.catalogue import Catalogue, catalogue_problems, kept_roles, roles_of
from scim_operator.plan.credentials import Credentials, delivered_credentials, plan_credentials
from scim_operator.plan.inputs import TenantInputs
from scim_operator.plan.role_rules import RuleContext, plan_role_mapping
from scim_operator.plan.safety import safety_of
from scim_operator.plan.verdicts import (
    ConfigVerdict,
    MappingVerdict,
    MappingVerdicts,
    Problem,
    TenantPlan,
    mappings_ready,
)
from scim_operator.plan.webhooks import Webhooks, delivered_webhooks, plan_webhooks
from scim_server.config import AttributeRule, Deprovisioning, ExtensionSchema, Role, RoleRule, Tenant, UserAttributes


def plan_tenant(inputs: TenantInputs) -> TenantPlan:
    """Pure: equal inputs in any order give an equal plan. Never raises."""
    if _is_of_another_object(inputs.previous, inputs.uid):
        inputs = replace(inputs, previous=_remains(inputs.previous), departure_noted=False)
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
    webhooks = plan_webhooks(config, inputs.secrets)
    attached = attachments(inputs, permitted_by(config, inputs.namespaces))
    mappings = _plan_mappings(inputs, attached, settings, declared=roles_of(config))
    verdict = ConfigVerdict(
        resolved_refs=_resolved(credentials, webhooks),
        stalled=_stalled("; ".join(_located(problem) for problem in problems)),
        mappings=mappings.in_effect,
        mappings_ready=mappings.ready,
        credentials=credentials.statuses,
        problems=(*problems, *credentials.problems, *webhooks.problems),
    )
    if settings is None:
        return TenantPlan(inputs.departed, {}, verdict, mappings.verdicts)
    return _delivered(settings, mappings, credentials, webhooks, verdict)


def _plan_unparsed(inputs: TenantInputs, invalid: str) -> TenantPlan:
    settings = inputs.settings_before
    attached = attachments(inputs, permitted_unread(inputs.config_key, settings))
    mappings = _plan_mappings(inputs, attached, settings)
    credentials = delivered_credentials(settings, inputs.previous_digests) if settings else Credentials()
    webhooks = delivered_webhooks(settings, inputs.previous_webhook_keys) if settings else Webhooks()
    verdict = ConfigVerdict(
        resolved_refs=Condition(reasons.RESOLVED_REFS, "Unknown", reasons.INVALID_SPEC, "the spec can't be read"),
        stalled=_stalled(invalid),
        mappings=mappings.in_effect,
        mappings_ready=mappings.ready,
        credentials=credentials.statuses,
        problems=(Problem(("spec",), reasons.INVALID_SPEC, invalid),),
    )
    if settings is None:
        return TenantPlan(inputs.departed, {}, verdict, mappings.verdicts)
    return _delivered(settings, mappings, credentials, webhooks, verdict)


def _plan_absent(inputs: TenantInputs) -> TenantPlan:
    attached = attachments(inputs, permitted_never)
    return TenantPlan(_deleted(inputs), {}, None, _plan_mappings(inputs, attached, None).verdicts)


def _deleted(inputs: TenantInputs) -> Tenant | None:
    """What tells the servers that the config is gone, rather than that it is missing by some mistake."""
    previous = inputs.previous
    return None if previous is None or (previous.deleted and inputs.departure_noted) else _remains(previous)


def _is_of_another_object(previous: Tenant | None, uid: str | None) -> TypeGuard[Tenant]:
    """Whether the object of that name was replaced, without the operator having seen it gone in between."""
    return previous is not None and not previous.deleted and None not in (previous.uid, uid) and previous.uid != uid


def _remains(previous: Tenant) -> Tenant:
    """Of a config that is deleted: nothing by which a request is let in or a role is given."""
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
    keys = delivered_webhooks(previous, inputs.previous_webhook_keys).keys
    return TenantPlan(previous, _by_key(previous, digests), None, {}, _webhook_keys(previous, keys))


@dataclass(frozen=True, slots=True)
class _Mappings:
    rules: tuple[RoleRule, ...] = ()
    attributes: tuple[AttributeRule, ...] = ()
    schemas: tuple[ExtensionSchema, ...] = ()
    kept_roles: tuple[Role, ...] = ()
    """That the catalogue lacks and `rules` give."""

    verdicts: MappingVerdicts = field(default_factory=dict)

    @property
    def in_effect(self) -> int:
        return sum(verdict.in_effect for verdict in self.verdicts.values())

    @property
    def ready(self) -> Condition:
        return mappings_ready(self.verdicts, [role.name for role in self.kept_roles])


def _plan_mappings(
    inputs: TenantInputs, attached: Attachments, settings: Tenant | None, declared: Iterable[Role] | None = None
) -> _Mappings:
    """`declared`: the roles that the spec has now; None where it can't be read. Nothing else is given anew."""
    verdicts = {(kind, key): config_not_found(inputs.config_key, key.namespace) for kind, key in attached.refused}
    if settings is None:
        for mapping in attached.permitted:
            verdicts[mapping.kind, mapping.key] = config_invalid(inputs.config_key)
        for unread, why in attached.unreadable.items():
            verdicts[unread] = MappingVerdict.unreadable(why, in_effect=False)
        return _Mappings(verdicts=verdicts)

    attributes, schemas = _plan_attributes(inputs.previous, attached, verdicts)
    context = RuleContext(_catalogue(settings, declared), UserAttributes(schemas), inputs.now)
    rules = _plan_rules(inputs.previous, attached, context, verdicts)
    present = {(ROLE_MAPPING, rule.mapping) for rule in rules}
    present |= {(ATTRIBUTE_MAPPING, attribute.mapping) for attribute in attributes}
    present |= {(ATTRIBUTE_MAPPING, schema.mapping) for schema in schemas}
    for (kind, name), why in attached.unreadable.items():
        verdicts[kind, name] = MappingVerdict.unreadable(why, in_effect=(kind, str(name)) in present)
    return _Mappings(
        tuple(sorted(rules, key=lambda rule: (rule.mapping, rule.rule))),
        tuple(sorted(attributes, key=lambda attribute: attribute.target)),
        tuple(sorted(schemas, key=lambda schema: schema.id.lower())),
        kept_roles(settings.roles, inputs.previous.roles if inputs.previous is not None else (), rules),
        verdicts,
    )


def _catalogue(settings: Tenant, declared: Iterable[Role] | None) -> Catalogue:
    """`settings` that are kept have roles too that only some rules keep."""
    names = {role.name for role in settings.roles}
    if declared is not None:
        names &= {role.name for role in declared}
    return Catalogue(sorted(names), settings.key)


def _plan_rules(
    previous: Tenant | None,
    attached: Attachments,
    context: RuleContext,
    verdicts: dict[MappingKey, MappingVerdict],
) -> list[RoleRule]:
    delivered: dict[str, dict[str, RoleRule]] = {}
    for rule in previous.rules if previous is not None else ():
        delivered.setdefault(rule.mapping, {})[rule.rule] = rule
    rules: list[RoleRule] = []
    for mapping in attached.role_mappings:
        found, verdicts[mapping.kind, mapping.key] = plan_role_mapping(
            mapping, context, delivered.get(str(mapping.key), {})
        )
        rules += found
    for kind, key in attached.unreadable:
        if kind == ROLE_MAPPING:
            rules += delivered.get(str(key), {}).values()
    return rules


def _plan_attributes(
    previous: Tenant | None, attached: Attachments, verdicts: dict[MappingKey, MappingVerdict]
) -> tuple[list[AttributeRule], list[ExtensionSchema]]:
    before = (previous.attributes, previous.schemas) if previous is not None else ((), ())
    unreadable = {str(key) for kind, key in attached.unreadable if kind == ATTRIBUTE_MAPPING}
    kept = Kept.of(*before, unreadable)
    claims = Claims.of(attached.attribute_mappings, kept)
    delivered: dict[str, dict[str, AttributeRule]] = {}
    for attribute in before[0]:
        delivered.setdefault(attribute.mapping, {})[attribute.target] = attribute
    attributes, schemas = [*kept.rules], [*kept.schemas]
    for mapping in attached.attribute_mappings:
        planned, verdicts[mapping.kind, mapping.key] = plan_attribute_mapping(
            mapping, claims, delivered.get(str(mapping.key), {})
        )
        attributes += planned.rules
        schemas += planned.schemas
    there = {str(mapping.key) for mapping in attached.attribute_mappings}
    schemas += kept_schemas((schema for schema in before[1] if schema.mapping in there), schemas, attributes)
    return attributes, schemas


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
        mode=config.spec.mode,
        roles=roles_of(config),
        base_roles=_once_sorted(config.spec.base_roles),
        fallback_roles=_once_sorted(config.spec.fallback_roles),
        provider_roles=config.spec.provider_roles,
        safety=safety_of(config),
        capture_until=config.spec.debug.capture_until,
        deprovisioning=Deprovisioning(
            deactivation_delay_seconds=int(config.spec.deprovisioning.deactivation_delay.total_seconds()),
            on_delete=config.spec.deprovisioning.on_delete,
            retention_seconds=int(config.spec.deprovisioning.retention.total_seconds()),
        ),
    )


def _delivered(
    settings: Tenant,
    mappings: _Mappings,
    credentials: Credentials,
    webhooks: Webhooks,
    verdict: ConfigVerdict,
) -> TenantPlan:
    tenant = settings.model_copy(
        update={
            **credentials.fields,
            "roles": tuple(sorted((*settings.roles, *mappings.kept_roles), key=lambda role: role.name)),
            "rules": mappings.rules,
            "attributes": mappings.attributes,
            "schemas": mappings.schemas,
            "webhooks": webhooks.targets,
        }
    )
    return TenantPlan(
        tenant,
        _by_key(tenant, credentials.digests),
        verdict,
        mappings.verdicts,
        _webhook_keys(tenant, webhooks.keys),
    )


def _by_key(tenant: Tenant, digests: Mapping[str, str]) -> dict[str, str]:
    return {tenant.credential_key(name): digest for name, digest in digests.items()}


def _webhook_keys(tenant: Tenant, keys: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    return {tenant.webhook_key(name): each for name, each in keys.items()}


def _resolved(credentials: Credentials, webhooks: Webhooks) -> Condition:
    """`ResolvedRefs`: of the credentials, and where they are well, of the webhooks."""
    condition = credentials.resolved_refs
    if not webhooks.problems:
        return condition
    said = [] if condition.is_true and not credentials.problems else [condition.message]
    message = "; ".join([*said, *(f"{problem.message}; its events wait" for problem in webhooks.problems)])
    reason = webhooks.problems[0].reason if condition.is_true else condition.reason
    return Condition.of(reasons.RESOLVED_REFS, False, reason, message)


def _stalled(reason: str) -> Condition:
    if reason:
        return Condition.of(reasons.STALLED, True, reasons.INVALID_SPEC, reason)
    return Condition.of(reasons.STALLED, False, reasons.NOT_STALLED, "the spec is valid")


def _located(problem: Problem) -> str:
    return f"{problem.field}: {problem.message}"


def _once_sorted(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(names)))
