"""Which roles a SCIM group grants: rules of RoleMappings matched against the group's attributes."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

import orjson

from scim_server.config import GroupSelector, RoleRule, Tenant, compile_pattern
from scim_server.folding import identity_of
from scim_server.provisioning.lifecycle import NO_DELAY


@dataclass(frozen=True, slots=True, order=True)
class Grant:
    """Members of a group have `role`, because of `rule` of `mapping` (`namespace/name`)."""

    mapping: str
    rule: str
    role: str


_KIND = "2:"
"""Of fingerprints. Servers of before `deactivationDelaySeconds` stored digests without a kind."""


def is_current(fingerprint: str) -> bool:
    """Whether rules with this fingerprint were stored in today's form."""
    return fingerprint.startswith(_KIND)


class RoleRules:
    """The rules of one tenant, compiled: what decides roles and states, and nothing else of its configuration.

    They are stored beside the users (`to_json`), so that every replica decides by the rules that the
    database holds, whatever configuration it runs itself. `fingerprint` tells two sets of rules apart.
    """

    def __init__(
        self,
        rules: Iterable[RoleRule],
        base_roles: Iterable[str],
        fallback_roles: Iterable[str],
        deactivation_delay: timedelta = NO_DELAY,
    ) -> None:
        self.rules = tuple(rules)
        self.base_roles = tuple(sorted(set(base_roles)))
        self.fallback_roles = tuple(sorted(set(fallback_roles)))
        self.deactivation_delay = deactivation_delay
        self.fingerprint = _KIND + hashlib.sha256(self.to_json()).hexdigest()
        self._by_external_id: dict[str, list[Grant]] = defaultdict(list)
        self._by_display_name: dict[str, list[Grant]] = defaultdict(list)
        self._by_pattern: list[tuple[str, list[Grant]]] = []
        for rule in self.rules:
            grants = [Grant(rule.mapping, rule.rule, role) for role in rule.roles]
            for selector in rule.groups:
                self._index(selector, grants)

    def _index(self, selector: GroupSelector, grants: list[Grant]) -> None:
        if selector.external_id is not None:
            self._by_external_id[selector.external_id] += grants
        elif selector.display_name is not None:
            self._by_display_name[identity_of(selector.display_name)] += grants
        elif selector.display_name_pattern is not None:
            self._by_pattern.append((selector.display_name_pattern, grants))

    @classmethod
    def of(cls, tenant: Tenant) -> "RoleRules":
        delay = timedelta(seconds=tenant.deprovisioning.deactivation_delay_seconds)
        return cls(tenant.rules, tenant.base_roles, tenant.fallback_roles, delay)

    def to_json(self) -> bytes:
        """Canonical JSON: equal rules give equal bytes."""
        return orjson.dumps(
            {
                "rules": [rule.model_dump(mode="json", exclude_none=True) for rule in self.rules],
                "baseRoles": self.base_roles,
                "fallbackRoles": self.fallback_roles,
                "deactivationDelaySeconds": self.deactivation_delay.total_seconds(),
            },
            option=orjson.OPT_SORT_KEYS,
        )

    @classmethod
    def from_json(cls, text: bytes | str) -> "RoleRules":
        fields = orjson.loads(text)
        return cls(
            map(RoleRule.model_validate, fields["rules"]),
            fields["baseRoles"],
            fields["fallbackRoles"],
            timedelta(seconds=fields.get("deactivationDelaySeconds", 0)),  # older servers stored none
        )

    def grants_of(self, display_name: str | None, external_id: str | None) -> frozenset[Grant]:
        """What a group with these attributes grants to its members."""
        grants: set[Grant] = set()
        if external_id is not None:
            grants.update(self._by_external_id.get(external_id, ()))
        if display_name is not None:
            grants.update(self._by_display_name.get(identity_of(display_name), ()))
            for pattern, matched in self._by_pattern:
                if compile_pattern(pattern).fullmatch(display_name) is not None:
                    grants.update(matched)
        return frozenset(grants)
