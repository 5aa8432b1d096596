"""The role catalogue of a ProvisioningConfig, and what it grants to every user."""

from scim_operator.api import ProvisioningConfig, reasons
from scim_operator.plan.verdicts import Problem
from scim_server.config import Role


def roles_of(config: ProvisioningConfig) -> tuple[Role, ...]:
    """The catalogue, by name, permissions sorted: the order in YAML means nothing."""
    return tuple(
        Role(name=role.name, display_name=role.display_name, permissions=tuple(sorted(set(role.permissions))))
        for role in sorted(config.spec.roles, key=lambda role: role.name)
    )


def catalogue_problems(config: ProvisioningConfig) -> tuple[Problem, ...]:
    """Base and fallback roles that are not in the catalogue. Old objects may hold some."""
    catalogue = {role.name for role in config.spec.roles}
    return tuple(
        Problem(("spec", field, index), reasons.INVALID_SPEC, unknown_role(role, str(config.key)))
        for field, roles in (("baseRoles", config.spec.base_roles), ("fallbackRoles", config.spec.fallback_roles))
        for index, role in enumerate(roles)
        if role not in catalogue
    )


def unknown_role(role: str, tenant: str) -> str:
    return f'role "{role}" is not in the catalogue of {tenant}'
