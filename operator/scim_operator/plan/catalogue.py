"""The role catalogue of a ProvisioningConfig, and what it grants to every user."""

from collections.abc import Iterable

from scim_operator.api import ProvisioningConfig, reasons
from scim_operator.api.nearest import nearest
from scim_operator.plan.verdicts import Problem
from scim_server.config import Role, RoleRule

_SUGGESTIONS = 50
"""For so many unknown names of a tenant the one that was meant is looked for: each costs a look at the catalogue."""


class Catalogue:
    """The names of the roles that rules may grant, and what to say of others."""

    def __init__(self, names: Iterable[str], tenant: str) -> None:
        self._names = frozenset(names)
        self._tenant = tenant
        self._meant: dict[str, str | None] = {}

    def __contains__(self, role: str) -> bool:
        return role in self._names

    def unknown(self, role: str) -> str:
        """The message about a role that isn't in the catalogue."""
        if role not in self._meant and len(self._meant) < _SUGGESTIONS:
            self._meant[role] = nearest(role, sorted(self._names))
        meant = self._meant.get(role)
        hint = f" (did you mean {meant}?)" if meant is not None else ""
        return f'role "{role}" is not in the catalogue of {self._tenant}{hint}'


def roles_of(config: ProvisioningConfig) -> tuple[Role, ...]:
    """The catalogue, by name, permissions sorted: the order in YAML means nothing."""
    return tuple(
        Role(
            name=role.name,
            display_name=role.display_name,
            permissions=tuple(sorted(set(role.permissions))),
            sensitive=role.sensitive,
        )
        for role in sorted(config.spec.roles, key=lambda role: role.name)
    )


def kept_roles(catalogue: Iterable[Role], delivered: Iterable[Role], rules: Iterable[RoleRule]) -> tuple[Role, ...]:
    """Delivered roles that `catalogue` lacks and `rules` still give."""
    known, given = {role.name for role in catalogue}, {role for rule in rules for role in rule.roles}
    return tuple(role for role in delivered if role.name in given - known)


def catalogue_problems(config: ProvisioningConfig) -> tuple[Problem, ...]:
    """Base and fallback roles that are not in the catalogue. Old objects may hold some."""
    catalogue = Catalogue((role.name for role in config.spec.roles), str(config.key))
    return tuple(
        Problem(("spec", field, index), reasons.INVALID_SPEC, catalogue.unknown(role))
        for field, roles in (("baseRoles", config.spec.base_roles), ("fallbackRoles", config.spec.fallback_roles))
        for index, role in enumerate(roles)
        if role not in catalogue
    )
