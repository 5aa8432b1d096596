"""The rules of one RoleMapping, checked against the catalogue."""

from collections.abc import Collection

from scim_operator.api import FieldPath, GroupRef, RoleMapping, RoleMappingRule, reasons
from scim_operator.plan.catalogue import unknown_role
from scim_operator.plan.verdicts import MappingVerdict, Problem
from scim_server.config import GroupSelector, RoleRule, compile_pattern


def plan_role_mapping(
    mapping: RoleMapping, catalogue: Collection[str], tenant: str
) -> tuple[tuple[RoleRule, ...], MappingVerdict]:
    """The rules that are in effect, and the verdict. A rule with any problem is left out whole."""
    rules: list[RoleRule] = []
    problems: list[Problem] = []
    for index, rule in enumerate(mapping.spec.rules):
        found = _problems(rule, ("spec", "rules", index), catalogue, tenant)
        problems += found
        if not found:
            rules.append(_contract_rule(mapping, rule))
    return tuple(rules), MappingVerdict.of_parts("rules", len(rules), problems)


def _problems(rule: RoleMappingRule, path: FieldPath, catalogue: Collection[str], tenant: str) -> list[Problem]:
    problems = [
        Problem((*path, "roles", index), reasons.ROLE_NOT_FOUND, f'rule "{rule.name}": {unknown_role(role, tenant)}')
        for index, role in enumerate(rule.roles)
        if role not in catalogue
    ]
    for index, group in enumerate(rule.groups):
        if group.display_name_pattern is not None:
            try:
                compile_pattern(group.display_name_pattern)
            except ValueError as error:
                field = (*path, "groups", index, "displayNamePattern")
                problems.append(Problem(field, reasons.INVALID_PATTERN, f'rule "{rule.name}": {error}'))
    return problems


def _contract_rule(mapping: RoleMapping, rule: RoleMappingRule) -> RoleRule:
    return RoleRule(
        mapping=str(mapping.key),
        rule=rule.name,
        groups=tuple(_contract_selector(group) for group in sorted(set(rule.groups), key=_selector_order)),
        roles=tuple(sorted(set(rule.roles))),
    )


def _selector_order(group: GroupRef) -> tuple[str, str, str]:
    return group.external_id or "", group.display_name or "", group.display_name_pattern or ""


def _contract_selector(group: GroupRef) -> GroupSelector:
    return GroupSelector(
        external_id=group.external_id,
        display_name=group.display_name,
        display_name_pattern=group.display_name_pattern,
    )
