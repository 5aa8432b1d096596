"""Whatever mistakes are made and mended, in any order: who has which role."""

import random
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from scim_operator.api import ObjectKey
from scim_operator.plan import TenantPlan, plan_tenant
from scim_server.config import GroupSelector
from tests.scim_operator.objects import config, role_mapping
from tests.scim_operator.plan.inputs import inputs

ROLES = ("administrator", "developer", "responder", "viewer", "auditor")
GROUPS: tuple[dict[str, str], ...] = (
    {"displayName": "Engineering"},
    {"externalId": "00g1"},
    {"displayNamePattern": "On-call .+"},
    {"displayNamePattern": "[a-z]+ admins"},
)
MAPPINGS = ("r", "s")
RULES = ("one", "two")

Rule = tuple[str, str]
"""Mapping and rule."""

Right = tuple[str, str, GroupSelector, str]
"""Members of a group have a role, by a rule of a mapping."""


@dataclass
class Declared:
    """What stands in the manifests, mistakes included."""

    roles: list[str] = field(default_factory=lambda: list(ROLES))
    rules: dict[Rule, dict[str, Any]] = field(default_factory=dict)
    unreadable: set[str] = field(default_factory=set)

    def follow(self, before: TenantPlan | None, order: random.Random) -> TenantPlan:
        """The plan, when `before` is delivered."""
        mappings = [
            role_mapping(
                name, *({"name": rule} | spec for (owner, rule), spec in self.rules.items() if owner == name)
            )
            for name in {owner for owner, _ in self.rules} - self.unreadable
        ]
        order.shuffle(mappings)
        given = inputs(
            *mappings,
            config=config(roles=[{"name": name} for name in order.sample(self.roles, len(self.roles))]),
            previous=before.tenant if before is not None else None,
            previous_digests=before.digests if before is not None else {},
            invalid_mappings={("RoleMapping", ObjectKey("acme", name)): "spec: broken" for name in self.unreadable},
        )
        planned = plan_tenant(given)
        settled = replace(given, previous=planned.tenant, previous_digests=planned.digests)
        assert plan_tenant(settled) == planned == plan_tenant(given)
        return planned

    def known_rights(self, key: Rule) -> set[Right]:
        """What a rule may give by what is correct in it."""
        spec = self.rules.get(key, {"groups": [], "roles": []})
        groups = [GroupSelector.model_validate(group) for group in spec["groups"] if not is_broken(group)]
        return {(*key, group, role) for group in groups for role in spec["roles"] if role in self.roles}

    def is_clean(self, key: Rule) -> bool:
        spec = self.rules[key]
        known = all(role in self.roles for role in spec["roles"])
        return known and not any(map(is_broken, spec["groups"])) and key[0] not in self.unreadable


def is_broken(group: dict[str, str]) -> bool:
    return "(" in group.get("displayNamePattern", "")


def rights(planned: TenantPlan | None) -> set[Right]:
    if planned is None or planned.tenant is None:
        return set()
    return {
        (rule.mapping.removeprefix("acme/"), rule.rule, group, role)
        for rule in planned.tenant.rules
        for group in rule.groups
        for role in rule.roles
    }


def misspelt(draw: st.DataObject, name: str) -> str:
    """With a letter dropped, doubled, or in the wrong place."""
    at = draw.draw(st.integers(0, len(name) - 2))
    start, one, two, end = name[:at], name[at], name[at + 1], name[at + 2 :]
    return start + draw.draw(st.sampled_from([two, one + one + two, two + one])) + end


def make_a_typo(draw: st.DataObject, declared: Declared) -> None:
    """Something that was correct is no longer."""
    what = draw.draw(st.sampled_from(["role", "added role", "pattern", "catalogue", "mapping"]))
    if what == "catalogue":
        if declared.roles:
            at = draw.draw(st.integers(0, len(declared.roles) - 1))
            wrong = misspelt(draw, declared.roles[at])
            if wrong not in declared.roles:
                declared.roles[at] = wrong
        return
    if not declared.rules:
        return
    key = draw.draw(st.sampled_from(sorted(declared.rules)))
    spec = declared.rules[key]
    if what == "mapping":
        declared.unreadable.add(key[0])
    elif what == "added role":
        spec["roles"].append("nobody")
    elif what == "role":
        at = draw.draw(st.integers(0, len(spec["roles"]) - 1))
        wrong = misspelt(draw, spec["roles"][at])
        if wrong not in declared.roles:
            spec["roles"][at] = wrong
    else:
        for group in spec["groups"]:
            if "displayNamePattern" in group and not is_broken(group):
                group["displayNamePattern"] = f"({group['displayNamePattern']}"
                break


def change(draw: st.DataObject, declared: Declared) -> None:
    """A rule is written (anew), or deleted; a mapping is deleted or readable again; the catalogue is corrected."""
    what = draw.draw(st.sampled_from(["write", "write", "delete rule", "delete mapping", "readable", "catalogue"]))
    name, rule = draw.draw(st.sampled_from(MAPPINGS)), draw.draw(st.sampled_from(RULES))
    if what == "write":
        declared.unreadable.discard(name)
        declared.rules[name, rule] = {
            "groups": deepcopy(draw.draw(st.lists(st.sampled_from(GROUPS), min_size=1, max_size=2, unique_by=str))),
            "roles": draw.draw(st.lists(st.sampled_from(ROLES), min_size=1, max_size=3, unique=True)),
        }
    elif what == "delete rule":
        declared.unreadable.discard(name)
        declared.rules.pop((name, rule), None)
    elif what == "delete mapping":
        declared.unreadable.discard(name)
        for key in [key for key in declared.rules if key[0] == name]:
            del declared.rules[key]
    elif what == "readable":
        declared.unreadable.discard(name)
    else:
        declared.roles = list(ROLES)


@given(st.data(), st.randoms(use_true_random=False))
def test_a_typo_takes_no_role_away_and_a_correction_or_a_deletion_does(
    draw: st.DataObject, order: random.Random
) -> None:
    declared, planned = Declared(), None
    for _ in range(draw.draw(st.integers(1, 12))):
        before, only_a_typo = rights(planned), draw.draw(st.booleans())
        (make_a_typo if only_a_typo else change)(draw, declared)
        planned = declared.follow(planned, order)
        after = rights(planned)

        assert {right[:2] for right in after} <= declared.rules.keys()  # deleted: nothing is left
        if only_a_typo:
            assert before <= after
        for key in declared.rules:
            own = {right for right in after if right[:2] == key}
            assert own <= declared.known_rights(key) | before  # nothing that nobody declared
            if declared.is_clean(key):
                assert own == declared.known_rights(key)
        assert planned.tenant is not None
        catalogue = {role.name for role in planned.tenant.roles}
        assert catalogue == {*declared.roles, *(right[3] for right in after)}
