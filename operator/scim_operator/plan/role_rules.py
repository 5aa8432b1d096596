"""The rules of one RoleMapping, checked against the catalogue."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from scim_operator.api import FieldPath, MappingMode, RoleMapping, RoleMappingRule, reasons
from scim_operator.api.conditions import format_time
from scim_operator.plan.catalogue import Catalogue
from scim_operator.plan.expressions import expression_error
from scim_operator.plan.kept_rules import Declared, Window, in_effect
from scim_operator.plan.selectors import broken_patterns, contract_selector, selector_order
from scim_operator.plan.verdicts import MappingVerdict, Problem
from scim_server.config import RoleRule, UserAttributes


@dataclass(frozen=True, slots=True)
class RuleContext:
    """What the rules of a tenant are checked against."""

    catalogue: Catalogue
    attributes: UserAttributes
    """What a condition can name."""

    now: datetime | None
    """For rules that have ended; None: none has."""


@dataclass(frozen=True, slots=True)
class _Faults:
    """Of one rule, apart from its roles."""

    patterns: Mapping[int, str]
    """Errors of patterns by the index of their group."""

    when: str | None
    """The error of the condition."""

    def __bool__(self) -> bool:
        return bool(self.patterns) or self.when is not None


def plan_role_mapping(
    mapping: RoleMapping, context: RuleContext, delivered: Mapping[str, RoleRule]
) -> tuple[tuple[RoleRule, ...], MappingVerdict]:
    """The rules that are in effect, and the verdict. `delivered`: those of the mapping that are in effect now, by
    name; a rule with a problem keeps of its own what `kept_rules` says."""
    rules: list[RoleRule] = []
    problems: list[Problem] = []
    notes: list[Problem] = []
    unusable: list[str] = []
    intact = 0
    for index, rule in enumerate(mapping.spec.rules):
        path: FieldPath = ("spec", "rules", index)
        when_error = expression_error(rule.when, context.attributes) if rule.when is not None else None
        faults = _Faults(broken_patterns(rule.groups), when_error)
        declared = _declared(mapping, rule, context.catalogue, faults)
        notes += _ended(rule, path, context.now)
        if not faults and not declared.unknown:
            intact += 1
            rules += _present(declared.whole(declared.roles))
            continue
        found = in_effect(declared, delivered.get(rule.name))
        rules += _present(found.rule)
        effect = f'rule "{rule.name}" {found.description}'
        own = [
            Problem(place, reason, f'rule "{rule.name}": {message}', effect)
            for place, reason, message in _problems(rule, path, context.catalogue, faults)
        ]
        problems += own
        if not declared.usable:
            unusable.append(own[-1].reason)  # of a rule with both, the pattern or condition is what makes it so
    reason = unusable[0] if unusable else reasons.PARTIALLY_INVALID
    verdict = MappingVerdict.of_parts("rules", bool(rules), intact, problems, reason, notes)
    return tuple(rules), verdict


def _declared(mapping: RoleMapping, rule: RoleMappingRule, catalogue: Catalogue, faults: _Faults) -> Declared:
    groups = {group for index, group in enumerate(rule.groups) if index not in faults.patterns}
    return Declared(
        mapping=str(mapping.key),
        name=rule.name,
        groups=tuple(contract_selector(group) for group in sorted(groups, key=selector_order)),
        broken=tuple(sorted({rule.groups[index].display_name_pattern or "" for index in faults.patterns})),
        when=rule.when if faults.when is None else None,
        when_broken=faults.when is not None,
        window=Window(rule.not_before, rule.not_after),
        preview=mapping.spec.mode is MappingMode.PREVIEW,
        roles=tuple(sorted({role for role in rule.roles if role in catalogue})),
        unknown=tuple(sorted({role for role in rule.roles if role not in catalogue})),
    )


def _problems(
    rule: RoleMappingRule, path: FieldPath, catalogue: Catalogue, faults: _Faults
) -> Iterable[tuple[FieldPath, str, str]]:
    for index, role in enumerate(rule.roles):
        if role not in catalogue:
            yield (*path, "roles", index), reasons.ROLE_NOT_FOUND, catalogue.unknown(role)
    for index, error in faults.patterns.items():
        yield (*path, "groups", index, "displayNamePattern"), reasons.INVALID_PATTERN, error
    if faults.when is not None:
        yield (*path, "when"), reasons.INVALID_EXPRESSION, f"when: {faults.when}"


def _ended(rule: RoleMappingRule, path: FieldPath, now: datetime | None) -> Iterable[Problem]:
    """That a rule gives nothing any more is as it was declared, and easily forgotten."""
    if now is not None and rule.not_after is not None and rule.not_after <= now:
        message = f'rule "{rule.name}" ended at {format_time(rule.not_after)}'
        yield Problem((*path, "notAfter"), reasons.RULE_ENDED, message)


def _present(rule: RoleRule | None) -> tuple[RoleRule, ...]:
    return (rule,) if rule is not None else ()
