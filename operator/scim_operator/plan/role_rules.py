"""The rules of one RoleMapping, checked against the catalogue."""

from collections.abc import Iterable, Mapping

from scim_operator.api import FieldPath, GroupRef, RoleMapping, RoleMappingRule, reasons
from scim_operator.plan.catalogue import Catalogue
from scim_operator.plan.kept_rules import Declared, in_effect
from scim_operator.plan.verdicts import MappingVerdict, Problem
from scim_server.config import GroupSelector, RoleRule, compile_pattern


def plan_role_mapping(
    mapping: RoleMapping, catalogue: Catalogue, delivered: Mapping[str, RoleRule]
) -> tuple[tuple[RoleRule, ...], MappingVerdict]:
    """The rules that are in effect, and the verdict. `delivered`: those of the mapping that are in effect now, by
    name; a rule with a problem keeps of its own what `kept_rules` says."""
    rules: list[RoleRule] = []
    problems: list[Problem] = []
    unusable: list[str] = []
    intact = 0
    for index, rule in enumerate(mapping.spec.rules):
        broken = dict(_broken_patterns(rule))
        declared = _declared(mapping, rule, catalogue, broken)
        if not broken and not declared.unknown:
            intact += 1
            rules += _present(declared.rule(declared.groups, declared.roles))
            continue
        found = in_effect(declared, delivered.get(rule.name))
        rules += _present(found.rule)
        effect = f'rule "{rule.name}" {found.description}'
        own = [
            Problem(path, reason, f'rule "{rule.name}": {message}', effect)
            for path, reason, message in _problems(rule, ("spec", "rules", index), catalogue, broken)
        ]
        problems += own
        if not declared.usable:
            unusable.append(own[-1].reason)  # of a rule with both, the pattern is what makes it so
    reason = unusable[0] if unusable else reasons.PARTIALLY_INVALID
    return tuple(rules), MappingVerdict.of_parts("rules", bool(rules), intact, problems, reason)


def _declared(
    mapping: RoleMapping, rule: RoleMappingRule, catalogue: Catalogue, broken: Mapping[int, str]
) -> Declared:
    groups = {group for index, group in enumerate(rule.groups) if index not in broken}
    return Declared(
        mapping=str(mapping.key),
        name=rule.name,
        groups=tuple(_contract_selector(group) for group in sorted(groups, key=_selector_order)),
        broken=tuple(sorted({rule.groups[index].display_name_pattern or "" for index in broken})),
        roles=tuple(sorted({role for role in rule.roles if role in catalogue})),
        unknown=tuple(sorted({role for role in rule.roles if role not in catalogue})),
    )


def _broken_patterns(rule: RoleMappingRule) -> Iterable[tuple[int, str]]:
    """Index and error of each pattern that doesn't compile."""
    for index, group in enumerate(rule.groups):
        if group.display_name_pattern is not None:
            try:
                compile_pattern(group.display_name_pattern)
            except ValueError as error:
                yield index, str(error)


def _problems(
    rule: RoleMappingRule, path: FieldPath, catalogue: Catalogue, broken: Mapping[int, str]
) -> Iterable[tuple[FieldPath, str, str]]:
    for index, role in enumerate(rule.roles):
        if role not in catalogue:
            yield (*path, "roles", index), reasons.ROLE_NOT_FOUND, catalogue.unknown(role)
    for index, error in broken.items():
        yield (*path, "groups", index, "displayNamePattern"), reasons.INVALID_PATTERN, error


def _present(rule: RoleRule | None) -> tuple[RoleRule, ...]:
    return (rule,) if rule is not None else ()


def _selector_order(group: GroupRef) -> tuple[str, str, str]:
    return group.external_id or "", group.display_name or "", group.display_name_pattern or ""


def _contract_selector(group: GroupRef) -> GroupSelector:
    return GroupSelector(
        external_id=group.external_id,
        display_name=group.display_name,
        display_name_pattern=group.display_name_pattern,
    )
