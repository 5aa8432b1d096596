"""What of a tenant's configuration decides roles, states, profiles, holds and events: its policy."""

import hashlib
from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from functools import cached_property

import orjson
from pydantic import Field

from scim_server.config import (
    AttributeRule,
    Deprovisioning,
    ExtensionSchema,
    GroupSelector,
    Mode,
    OnDelete,
    ProviderRoles,
    Role,
    RoleRule,
    Safety,
    Tenant,
    compile_pattern,
)
from scim_server.config.contract import Contract, Name
from scim_server.folding import identity_of
from scim_server.provisioning.conditions import Conditions, provider_condition
from scim_server.provisioning.expressions import condition_of
from scim_server.provisioning.grants import Grant, Source
from scim_server.provisioning.profile import MappingFailure, Profile

_KIND = "3:"
"""Of fingerprints. Older servers stored other fields under other kinds, or without one."""


def is_current(fingerprint: str) -> bool:
    """Whether a policy with this fingerprint was stored in today's form."""
    return fingerprint.startswith(_KIND)


class PolicyConfig(Contract):
    """The fields of a `Tenant` that are its policy, under the same names."""

    mode: Mode = Mode.ENFORCE
    roles: tuple[Role, ...] = ()
    base_roles: tuple[Name, ...] = ()
    fallback_roles: tuple[Name, ...] = ()
    provider_roles: ProviderRoles = ProviderRoles.IGNORE
    rules: tuple[RoleRule, ...] = ()
    attributes: tuple[AttributeRule, ...] = ()
    schemas: tuple[ExtensionSchema, ...] = ()
    deprovisioning: Deprovisioning = Field(default_factory=lambda: Deprovisioning(deactivation_delay_seconds=0))
    safety: Safety = Safety()


class Policy:
    """The policy of one tenant, compiled.

    It is stored beside the users (`to_json`), so that every replica decides by the one that the database holds,
    whatever configuration it runs itself. `fingerprint` tells two policies apart.
    """

    def __init__(self, config: PolicyConfig) -> None:
        self.config = config
        self.base_roles = config.base_roles
        self.fallback_roles = config.fallback_roles
        self.deactivation_delay = timedelta(seconds=config.deprovisioning.deactivation_delay_seconds)
        self.retention = timedelta(seconds=config.deprovisioning.retention_seconds)
        self.erases_deleted = config.deprovisioning.on_delete is OnDelete.ERASE
        self.observes = config.mode is Mode.OBSERVE
        self.rules = tuple(rule for rule in config.rules if not rule.preview)
        """Those that give roles."""
        self._by_external_id: dict[str, list[Grant]] = defaultdict(list)
        self._by_id: dict[str, list[Grant]] = defaultdict(list)
        self._by_display_name: dict[str, list[Grant]] = defaultdict(list)
        self._by_pattern: list[tuple[str, list[Grant]]] = []
        general = [*_provider_grants(config)]
        for rule in self.rules:
            grants = _grants(rule)
            if not rule.groups:
                general += grants
            for selector in rule.groups:
                self._index(selector, grants)
        self.general_grants = tuple(sorted(general))
        """Those that need no group."""
        self.has_general_windows = any(grant.not_before or grant.not_after for grant in general)

    def _index(self, selector: GroupSelector, grants: list[Grant]) -> None:
        if selector.external_id is not None:
            self._by_external_id[selector.external_id] += grants
        elif selector.id is not None:
            self._by_id[selector.id.lower()] += grants
        elif selector.display_name is not None:
            self._by_display_name[identity_of(selector.display_name)] += grants
        elif selector.display_name_pattern is not None:
            self._by_pattern.append((selector.display_name_pattern, grants))

    @classmethod
    def of(cls, tenant: Tenant) -> "Policy":
        fields = {name: getattr(tenant, name) for name in PolicyConfig.model_fields}
        fields |= {name: tuple(sorted(set(fields[name]))) for name in ("base_roles", "fallback_roles")}
        return cls(PolicyConfig.model_construct(**fields))

    def with_previews(self, mapping: str | None = None) -> "Policy":
        """This policy with the rules of a mapping in mode Preview enforced, or those of all such mappings."""
        rules = tuple(
            rule.model_copy(update={"preview": False}) if rule.preview and mapping in (None, rule.mapping) else rule
            for rule in self.config.rules
        )
        return Policy(self.config.model_copy(update={"rules": rules}))

    @cached_property
    def fingerprint(self) -> str:
        return _KIND + hashlib.sha256(self.to_json()).hexdigest()

    @cached_property
    def conditions(self) -> Conditions:
        """What rules and the acceptance of the provider's roles ask of a user."""
        return Conditions(
            {rule.when for rule in self.rules if rule.when is not None},
            [role.name for role in self.config.roles] if _accepts(self.config) else (),
        )

    @cached_property
    def boundaries(self) -> Collection[datetime]:
        """When a window opens or closes."""
        times = {time for rule in self.rules for time in (rule.not_before, rule.not_after)}
        return sorted(time for time in times if time is not None)

    @cached_property
    def sensitive_roles(self) -> frozenset[str]:
        return frozenset(role.name for role in self.config.roles if role.sensitive)

    @cached_property
    def permissions(self) -> Mapping[str, Collection[str]]:
        """By role: the catalogue."""
        return {role.name: role.permissions for role in self.config.roles}

    @cached_property
    def profile(self) -> Profile:
        """What makes users' profiles."""
        return Profile(self.config.attributes, self.config.schemas)

    def failed_rules(self, failures: Mapping[str, str]) -> tuple[MappingFailure, ...]:
        """The rules of which conditions failed, and why. `failures`: by condition."""
        return tuple(
            MappingFailure(rule.mapping, rule.rule, failures[name])
            for rule in self.rules
            if rule.when is not None and (name := condition_of(rule.when)) in failures
        )

    def makes_same_profiles(self, other: "Policy") -> bool:
        return (self.config.attributes, self.config.schemas) == (other.config.attributes, other.config.schemas)

    def to_json(self) -> bytes:
        """Canonical JSON: equal policies give equal bytes."""
        return orjson.dumps(self.config.model_dump(mode="json", exclude_none=True), option=orjson.OPT_SORT_KEYS)

    @classmethod
    def from_json(cls, text: bytes | str) -> "Policy":
        fields = orjson.loads(text)
        if "deactivationDelaySeconds" in fields or "deprovisioning" not in fields:  # by an older server
            delay = int(fields.pop("deactivationDelaySeconds", 0))
            fields["deprovisioning"] = {"deactivationDelaySeconds": delay}
        return cls(PolicyConfig.model_validate(fields))

    def grants_of(
        self, display_name: str | None, external_id: str | None, group_id: str | None = None
    ) -> frozenset[Grant]:
        """What a group with these attributes grants to its members. A group that is yet to be made has no id."""
        grants: set[Grant] = set() if group_id is None else set(self._by_id.get(group_id, ()))
        if external_id is not None:
            grants.update(self._by_external_id.get(external_id, ()))
        if display_name is not None:
            grants.update(self._by_display_name.get(identity_of(display_name), ()))
            for pattern, matched in self._by_pattern:
                if compile_pattern(pattern).fullmatch(display_name) is not None:
                    grants.update(matched)
        return frozenset(grants)


def _grants(rule: RoleRule) -> list[Grant]:
    condition = "" if rule.when is None else condition_of(rule.when)
    return [Grant(rule.mapping, rule.rule, role, condition, rule.not_before, rule.not_after) for role in rule.roles]


def _provider_grants(config: PolicyConfig) -> list[Grant]:
    if not _accepts(config):
        return []
    return [Grant("", "", role.name, provider_condition(role.name), source=Source.PROVIDER) for role in config.roles]


def _accepts(config: PolicyConfig) -> bool:
    return config.provider_roles is ProviderRoles.ACCEPT


NO_POLICY = Policy(PolicyConfig())
"""Of a tenant that no configuration was applied to: it gives nothing."""
