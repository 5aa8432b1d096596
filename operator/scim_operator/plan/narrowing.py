"""What of a tenant can take effect while the document has no room for more: removals, always.

The result is what is delivered with everything taken away that the new plan lacks, and nothing added. So it is no
larger than what is delivered, but for a few bytes where something is stricter than before (an expiry, say).

It never grants what the new plan doesn't, with one exception that can't be told apart without knowing the users:
somebody whom a rule that has no room would match still has the fallback roles, as before.
"""

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from scim_server.config import (
    AttributeRule,
    Credential,
    ExtensionSchema,
    GroupSelector,
    JwtIssuer,
    OAuthClient,
    Role,
    RoleRule,
    Tenant,
)
from scim_server.config.contract import Contract

STRICTER_BYTES = 512
"""How much longer a credential may become: by an expiry, or a narrower access."""

_T = TypeVar("_T")
_C = TypeVar("_C", bound=Credential)


def narrowed(old: Tenant, new: Tenant) -> Tenant:
    """`new` as far as `old` has room for it. Narrowing the result again by `new` changes nothing."""
    rules = _rules(old.rules, new.rules)
    return new.model_copy(
        update={
            "display_name": _no_longer(old.display_name, new.display_name),
            "credentials": _credentials(old.credentials, new.credentials),
            "basic_credentials": _credentials(old.basic_credentials, new.basic_credentials),
            "jwt_issuers": _credentials(old.jwt_issuers, new.jwt_issuers),
            "oauth_clients": _credentials(old.oauth_clients, new.oauth_clients),
            "roles": _roles(old.roles, new.roles),
            "base_roles": _both(old.base_roles, new.base_roles),
            "fallback_roles": _fallback_roles(old, new, rules),
            "rules": rules,
            "attributes": _attributes(old.attributes, new.attributes),
            "schemas": _schemas(old.schemas, new.schemas),
        }
    )


def _roles(old: Iterable[Role], new: Iterable[Role]) -> tuple[Role, ...]:
    before = {role.name: role for role in old}
    return tuple(
        role.model_copy(
            update={
                "display_name": _no_longer(before[role.name].display_name, role.display_name),
                "permissions": _both(before[role.name].permissions, role.permissions),
            }
        )
        for role in new
        if role.name in before
    )


def _rules(old: Iterable[RoleRule], new: Iterable[RoleRule]) -> tuple[RoleRule, ...]:
    """Of each rule the groups and roles that it had before; without any of either there is no rule."""
    before = {(rule.mapping, rule.rule): rule for rule in old}
    kept = []
    for rule in new:
        known = before.get((rule.mapping, rule.rule))
        if known is None:
            continue
        groups, roles = _both(known.groups, rule.groups), _both(known.roles, rule.roles)
        if groups and roles:
            kept.append(rule.model_copy(update={"groups": groups, "roles": roles}))
    return tuple(kept)


def _fallback_roles(old: Tenant, new: Tenant, rules: Iterable[RoleRule]) -> tuple[str, ...]:
    """Fallback roles are for those whom no rule matches. They go where somebody could get them whom a rule matches
    now and another one would match then: neither the old tenant nor the new one gives them to such a user."""
    kept = _selectors(rules)
    if _selectors(old.rules) - kept and _selectors(new.rules) - kept:
        return ()
    return _both(old.fallback_roles, new.fallback_roles)


def _selectors(rules: Iterable[RoleRule]) -> set[GroupSelector]:
    return {selector for rule in rules for selector in rule.groups}


def _credentials(old: Iterable[_C], new: Iterable[_C]) -> tuple[_C, ...]:
    """As they are to be, with no key, audience or algorithm that they didn't have before. One that would be much
    longer even so is left out: what it was before is no longer wanted."""
    before = {one.name: one for one in old}
    kept = []
    for one in new:
        known = before.get(one.name)
        if known is None:
            continue
        narrow = one if known == one else _credential(known, one)
        if narrow is not None and _size(narrow) <= _size(known) + STRICTER_BYTES:
            kept.append(narrow)
    return tuple(kept)


def _credential(old: _C, new: _C) -> _C | None:
    """None when nothing is left by which a client could prove who it is."""
    if isinstance(old, JwtIssuer) and isinstance(new, JwtIssuer):
        update: dict[str, Any] = {
            name: _both(getattr(old, name), getattr(new, name)) for name in ("audiences", "algorithms", "jwks")
        }
        usable = update["audiences"] and update["algorithms"] and (update["jwks"] or new.jwks_url)
        return new.model_copy(update=update) if usable else None
    if isinstance(old, OAuthClient) and isinstance(new, OAuthClient):
        narrow = new.model_copy(update={"jwks": _both(old.jwks, new.jwks)})
        return narrow if narrow.has_keys == new.has_keys else None
    return new


def _attributes(old: Iterable[AttributeRule], new: Iterable[AttributeRule]) -> tuple[AttributeRule, ...]:
    before = {attribute.target: attribute for attribute in old}
    return tuple(each for each in new if each.target in before and _size(each) <= _size(before[each.target]))


def _schemas(old: Iterable[ExtensionSchema], new: Iterable[ExtensionSchema]) -> tuple[ExtensionSchema, ...]:
    """One that has grown stays as it was, without the attributes that it no longer has: what users hold of the others
    must stay within reach."""
    before = {schema.id: schema for schema in old}
    kept = []
    for schema in new:
        known = before.get(schema.id)
        if known is None:
            continue
        if _size(schema) <= _size(known):
            kept.append(schema)
            continue
        names = {attribute.name for attribute in schema.attributes}
        attributes = tuple(attribute for attribute in known.attributes if attribute.name in names)
        if attributes:
            kept.append(known.model_copy(update={"attributes": attributes}))
    return tuple(kept)


def _both(old: Iterable[_T], new: Sequence[_T]) -> tuple[_T, ...]:
    before = set(old)
    return tuple(one for one in new if one in before)


def _no_longer(old: str | None, new: str | None) -> str | None:
    """The new text unless it takes more room than the old one."""
    if old is None or new is None:
        return None
    return new if len(new.encode()) <= len(old.encode()) else old


def _size(part: Contract) -> int:
    return len(part.model_dump_json(exclude_none=True))
