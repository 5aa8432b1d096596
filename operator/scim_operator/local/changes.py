"""What is different between two configurations, in lines that name what its author wrote. Pure."""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TypeVar

from scim_operator.api.conditions import format_time
from scim_operator.local.changes_of_settings import (
    capture_change,
    describe_duration,
    safety_changes,
    webhook_changes,
)
from scim_server.config import (
    AttributeRule,
    BearerCredential,
    BoundCredential,
    ConfigBundle,
    Credential,
    ExtensionSchema,
    GroupSelector,
    JwtIssuer,
    Mode,
    OnDelete,
    OnDeletion,
    OnMissing,
    ProviderRoles,
    Role,
    RoleRule,
    SharedSecret,
    Tenant,
    Update,
)

_T = TypeVar("_T")
_K = TypeVar("_K", str, tuple[str, str])

LeftOut = Collection[tuple[str, str]]
"""Parts that are declared and have a problem, as `rolemapping acme/okta-roles: rule dev` is, in two: the object, the
part. A warning says why."""


def describe_changes(before: ConfigBundle | None, after: ConfigBundle, left_out: LeftOut = ()) -> list[str]:
    """One line for each object and part that changed, e.g. `rolemapping acme/okta-roles: rule dev now grants dev`.

    Without a configuration before, all tenants are new. What isn't there any more is gone, unless `left_out` has it.
    """
    old = {tenant.key: tenant for tenant in before.config.tenants if not tenant.deleted} if before else {}
    new = {tenant.key: tenant for tenant in after.config.tenants if not tenant.deleted}
    lines = []
    for key in sorted(old.keys() | new.keys()):
        if key not in new:
            lines.append(f"provisioningconfig {key}: is gone; its users {_fate(old[key])}")
        elif key not in old:
            lines.append(f"provisioningconfig {key}: is served at /{key}/scim/v2")
        else:
            digests_before = before.secrets.digests if before else {}
            lines += _of_tenant(old[key], new[key], digests_before, after.secrets.digests)
            keys_before = before.secrets.webhook_keys if before else {}
            webhooks = webhook_changes(old[key], new[key], keys_before, after.secrets.webhook_keys)
            lines += [f"provisioningconfig {key}: {change}" for change in webhooks]
            lines += _of_parts(old[key], new[key], left_out)
    return lines


def _fate(tenant: Tenant) -> str:
    """What becomes of the users of a deleted config."""
    if tenant.on_deletion is OnDeletion.ERASE:
        return "are erased"
    return f"can't be reached, and are erased after {describe_duration(tenant.deprovisioning.retention_seconds)}"


def _of_tenant(
    old: Tenant, new: Tenant, old_digests: Mapping[str, str], new_digests: Mapping[str, str]
) -> Iterable[str]:
    yield from (f"provisioningconfig {new.key}: {change}" for change in _of_settings(old, new))
    yield from (
        f"provisioningconfig {new.key}: credential {change}"
        for change in _of_credentials(old, new, old_digests, new_digests)
    )


def _of_parts(old: Tenant, new: Tenant, left_out: LeftOut) -> Iterable[str]:
    yield from _of_rules(old.rules, new.rules, left_out)
    yield from _of_schemas(old.schemas, new.schemas, left_out)
    yield from _of_attributes(old.attributes, new.attributes, left_out)


def _of_settings(old: Tenant, new: Tenant) -> Iterable[str]:
    if old.display_name != new.display_name:
        yield f"display name is now {new.display_name or 'not set'}"
    if old.provider != new.provider:
        yield f"provider is now {new.provider}"
    if old.conformance != new.conformance:
        yield f"requests are now read in the way called {new.conformance.value}"
    if old.mode != new.mode:
        observe = "requests are only observed: no user and no role changes for applications"
        yield observe if new.mode is Mode.OBSERVE else "what requests say is applied"
    if old.provider_roles != new.provider_roles:
        granted = "granted" if new.provider_roles is ProviderRoles.ACCEPT else "ignored"
        yield f"roles that the provider sends are {granted}"
    if set(old.base_roles) != set(new.base_roles):
        yield f"base roles are now {_listed(new.base_roles)}"
    if set(old.fallback_roles) != set(new.fallback_roles):
        yield f"fallback roles are now {_listed(new.fallback_roles)}"
    if old.deprovisioning.deactivation_delay_seconds != new.deprovisioning.deactivation_delay_seconds:
        delay = describe_duration(new.deprovisioning.deactivation_delay_seconds)
        yield f"blocked users are deactivated after {delay}"
    if old.deprovisioning.on_delete != new.deprovisioning.on_delete:
        erased = new.deprovisioning.on_delete is OnDelete.ERASE
        yield f"deleted users {'are erased' if erased else 'leave a tombstone'}"
    if (old.on_deletion, old.deprovisioning.retention_seconds) != (
        new.on_deletion,
        new.deprovisioning.retention_seconds,
    ):
        yield f"once it is deleted, its users {_fate(new)}"
    yield from safety_changes(old.safety, new.safety)
    yield from capture_change(old, new)
    for name, before, after in _differences(old.roles, new.roles, lambda role: role.name):
        yield from _of_role(name, before, after)


def _of_role(name: str, before: Role | None, after: Role | None) -> Iterable[str]:
    if after is None:
        yield f"role {name} is gone from the catalogue"
    elif before is None:
        yield f"role {name} is new in the catalogue, it permits {_listed(after.permissions)}"
    else:
        if set(before.permissions) != set(after.permissions):
            yield f"role {name} now permits {_listed(after.permissions)}"
        if before.display_name != after.display_name:
            yield f"role {name} is now called {after.display_name or name}"
        if before.sensitive != after.sensitive:
            yield f"role {name} is {'now' if after.sensitive else 'no longer'} sensitive"


def _of_credentials(
    old: Tenant, new: Tenant, old_digests: Mapping[str, str], new_digests: Mapping[str, str]
) -> Iterable[str]:
    def digest(tenant: Tenant, credential: Credential, digests: Mapping[str, str]) -> str | None:
        return digests.get(tenant.credential_key(credential.name))

    before = {one.name: (one, digest(old, one, old_digests)) for one in old.all_credentials}
    after = {one.name: (one, digest(new, one, new_digests)) for one in new.all_credentials}
    for name in sorted(before.keys() | after.keys()):
        if name not in after:
            yield f"{name} is no longer accepted"
        elif name not in before:
            yield f"{name} is accepted ({_access(after[name][0])})"
        elif before[name][1] != after[name][1]:
            yield f"{name} has another {'token' if isinstance(after[name][0], BearerCredential) else 'secret'}"
        elif before[name][0] != after[name][0]:
            yield f"{name} has {_access(after[name][0])}, {_more_of(after[name][0])}"


def _access(credential: Credential) -> str:
    access = f"access {credential.access.value}"
    if isinstance(credential, BoundCredential) and credential.user_name is not None:
        return f"{access} as user {credential.user_name}"
    if isinstance(credential, JwtIssuer) and credential.user_name_claim is not None:
        return f"{access} as the user in the claim {credential.user_name_claim}"
    return access


def _more_of(credential: Credential) -> str:
    if not isinstance(credential, SharedSecret):
        return "and what proves it is described anew"
    return f"expires {format_time(credential.expires_at)}" if credential.expires_at else "never expires"


def _of_rules(old: Iterable[RoleRule], new: Iterable[RoleRule], left_out: LeftOut) -> Iterable[str]:
    for (mapping, name), before, after in _differences(old, new, lambda rule: (rule.mapping, rule.rule)):
        mapping_and_part = f"rolemapping {mapping}", f"rule {name}"
        subject = ": ".join(mapping_and_part)
        if after is None:
            granted = _listed(before.roles if before else ())
            yield f"{subject} {_absence(mapping_and_part, left_out, f'is gone, it granted {granted}')}"
        elif before is None:
            preview = ", as a preview" if after.preview else ""
            yield f"{subject} is new{preview}: {_reach(after)} → {_listed(after.roles)}"
        else:
            if _reach(before) != _reach(after):
                yield f"{subject} now matches {_reach(after)}"
            if before.preview != after.preview:
                yield f"{subject} {'is a preview now, it gives nothing' if after.preview else 'is in effect now'}"
            if set(before.roles) != set(after.roles):
                yield f"{subject} now grants {_listed(after.roles)}"


def _reach(rule: RoleRule) -> str:
    """For whom a rule is, and when."""
    parts = [", ".join(sorted(_selector(selector) for selector in rule.groups)) or "every user"]
    if rule.when is not None:
        parts.append(f"when {rule.when}")
    if rule.not_before is not None:
        parts.append(f"from {format_time(rule.not_before)}")
    if rule.not_after is not None:
        parts.append(f"until {format_time(rule.not_after)}")
    return " ".join(parts)


def _selector(selector: GroupSelector) -> str:
    if selector.external_id is not None:
        return f"group with externalId {selector.external_id!r}"
    if selector.id is not None:
        return f"group with id {selector.id!r}"
    if selector.display_name is not None:
        return f"group {selector.display_name!r}"
    return f"groups like {selector.display_name_pattern!r}"


def _of_schemas(old: Iterable[ExtensionSchema], new: Iterable[ExtensionSchema], left_out: LeftOut) -> Iterable[str]:
    for urn, before, after in _differences(old, new, lambda schema: schema.id):
        owner = after or before
        part = f"attributemapping {owner.mapping if owner else ''}", f"schema {urn}"
        said = "is new" if before is None else "has changed"
        yield f"{': '.join(part)} {said if after else _absence(part, left_out)}"


def _of_attributes(old: Iterable[AttributeRule], new: Iterable[AttributeRule], left_out: LeftOut) -> Iterable[str]:
    for target, before, after in _differences(old, new, lambda rule: rule.target):
        owner = after or before
        part = f"attributemapping {owner.mapping if owner else ''}", target
        yield f"{': '.join(part)} {_source(after) if after else _absence(part, left_out)}"


def _absence(part: tuple[str, str], left_out: LeftOut, gone: str = "is gone") -> str:
    return "is no longer in effect" if part in left_out else gone


def _source(rule: AttributeRule) -> str:
    once = " when a user is made" if rule.update is Update.ON_CREATE else ""
    required = "; a user without a value is refused" if rule.on_missing is OnMissing.REJECT else ""
    if rule.path is not None:
        source = rule.path
    elif rule.expression is not None:
        source = rule.expression
    elif rule.from_groups:
        source = ", ".join(f"{_selector(one.group)} ({one.value!r})" for one in rule.from_groups)
    else:
        return f"is now always {rule.default!r}{once}{required}"
    default = f", else {rule.default!r}" if rule.default is not None else ""
    return f"now comes from {source}{default}{once}{required}"


def _differences(
    old: Iterable[_T], new: Iterable[_T], name: Callable[[_T], _K]
) -> Iterable[tuple[_K, _T | None, _T | None]]:
    """Name, old and new of everything that isn't the same, ordered by name."""
    before = {name(one): one for one in old}
    after = {name(one): one for one in new}
    for key in sorted(before.keys() | after.keys()):
        if before.get(key) != after.get(key):
            yield key, before.get(key), after.get(key)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "nothing"
