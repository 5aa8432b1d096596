"""What stays of a delivered tenant while its new plan doesn't fit into the shard: what the plan still has, word for
word. Nothing is added, so that it fits; and nothing outlives its reason.

A rule that changed is left out until there is space: no user gets a role from what it said before.
"""

from collections.abc import Collection, Iterable
from typing import TypeVar

from scim_server.config import Safety, Tenant

_WORD_FOR_WORD = ("credentials", "basic_credentials", "jwt_issuers", "oauth_clients", "attributes", "webhooks")

_T = TypeVar("_T")


def reduced(delivered: Tenant, planned: Tenant) -> Tenant:
    """`planned` as far as `delivered` has it. Reducing the result again by `planned` changes nothing."""
    roles = _both(delivered.roles, planned.roles)
    names = {role.name for role in roles}
    rules = tuple(rule for rule in _both(delivered.rules, planned.rules) if names.issuperset(rule.roles))
    # Fallback roles are for those whom no rule matches: by the rules of before, or by those that are to be.
    are_all = rules in (delivered.rules, planned.rules)
    schemas = {schema.id for schema in planned.schemas}
    return planned.model_copy(
        update={
            **{name: _both(getattr(delivered, name), getattr(planned, name)) for name in _WORD_FOR_WORD},
            "display_name": planned.display_name if planned.display_name == delivered.display_name else None,
            "roles": roles,
            "base_roles": _both(_both(delivered.base_roles, planned.base_roles), names),
            "fallback_roles": _both(
                _both(delivered.fallback_roles, planned.fallback_roles), names if are_all else ()
            ),
            "rules": rules,
            "safety": _reduced_safety(delivered.safety, planned.safety),
            # One that changed stays as it was: what users hold of it must stay within reach.
            "schemas": tuple(schema for schema in delivered.schemas if schema.id in schemas),
        }
    )


def _reduced_safety(delivered: Safety, planned: Safety) -> Safety:
    lists = ("protected_users", "decisions")
    return planned.model_copy(
        update={name: _both(getattr(delivered, name), getattr(planned, name)) for name in lists}
    )


def _both(ones: Iterable[_T], others: Collection[_T]) -> tuple[_T, ...]:
    there = set(others)
    return tuple(one for one in ones if one in there)
