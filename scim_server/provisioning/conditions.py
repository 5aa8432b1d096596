"""What rules ask of a user, beside groups: `when`, and that the provider sends a role. Pure.

A condition has a name, under which the database keeps for whom it is true: a verdict.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from scim_server.provisioning.expressions import ExpressionFailed, condition_of, expression_of
from scim_server.scim.schema import JsonObject

_PROVIDER = "provider:"


def provider_condition(role: str) -> str:
    """The provider sends this role in the user's `roles`."""
    return _PROVIDER + role


@dataclass(frozen=True, slots=True)
class Verdicts:
    """Of one user: the conditions that hold. One that fails doesn't."""

    true: frozenset[str]
    failures: Mapping[str, str]
    """Why, by condition; says nothing of the user."""


class Conditions:
    """Those of one policy, compiled once."""

    def __init__(self, expressions: Iterable[str], provider_roles: Iterable[str]) -> None:
        self._expressions = {condition_of(text): expression_of(text) for text in expressions}
        self._provider_roles = frozenset(provider_roles)
        self.names = frozenset(self._expressions) | {*map(provider_condition, self._provider_roles)}

    def __bool__(self) -> bool:
        return bool(self.names)

    def of(self, user: JsonObject) -> Verdicts:
        """`user`: the SCIM resource, without groups."""
        true: set[str] = set()
        failures: dict[str, str] = {}
        for name, expression in self._expressions.items():
            try:
                if expression.holds(user):
                    true.add(name)
            except ExpressionFailed as failed:
                failures[name] = failed.reason
        if self._provider_roles:
            true |= {*map(provider_condition, self._provider_roles.intersection(_sent_roles(user)))}
        return Verdicts(frozenset(true), failures)


def user_of_conditions(user_id: str, document: JsonObject, active: bool) -> JsonObject:
    """The resource as expressions see it. `document`: as stored."""
    return {**document, "id": user_id, "active": active}


def _sent_roles(user: JsonObject) -> Collection[str]:
    """Values of the user's `roles`, which are stored as objects in whatever form they came."""
    roles = user.get("roles")
    if not isinstance(roles, list):
        return ()
    values = [role.get("value") for role in roles if isinstance(role, dict)]
    return [value for value in values if isinstance(value, str)]
