"""A user's profile as applications see it: standard attributes, overridden by attribute mappings. Pure."""

import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from scim_server.config import AttributeRule, ExtendedResource, ExtensionSchema, OnMissing, Update
from scim_server.provisioning.expressions import ExpressionFailed, expression_of
from scim_server.provisioning.extensions import extensions_of
from scim_server.provisioning.group_names import GroupNames, selects
from scim_server.scim.changed_schemas import fit_document
from scim_server.scim.enterprise import ENTERPRISE_URN
from scim_server.scim.errors import InvalidValue, ScimError
from scim_server.scim.filter.memory import matches_element
from scim_server.scim.filter.parser import parse_path
from scim_server.scim.filter.target import TargetPath
from scim_server.scim.path import UnresolvedPath
from scim_server.scim.resource_types import user_resource_type
from scim_server.scim.schema import JsonObject, ResourceType

_log = logging.getLogger(__name__)

_Source = Callable[[JsonObject], Any]

_STANDARD_ORIGIN = "standard"


@dataclass(frozen=True, slots=True)
class ProfileValue:
    """A value of the profile, and where it is from: `standard`, or a mapping and which part of it."""

    value: Any
    origin: str


@dataclass(frozen=True, slots=True)
class MappingFailure:
    """An expression of a mapping that failed for a user; `reason` holds nothing of the user.

    `part`: the target of the attribute, or the rule.
    """

    mapping: str
    part: str
    reason: str


@dataclass(frozen=True, slots=True)
class ComputedProfile:
    explained: Mapping[str, ProfileValue]
    """By target, in the order in which targets are announced."""
    first_values: JsonObject
    """Of targets that are set once (`update: OnCreate`), also those that no mapping sets any more."""
    failures: tuple[MappingFailure, ...]
    refused: "RefusedAttribute | None"
    """The first target without a value of which a mapping says `onMissing: Reject`."""

    @property
    def values(self) -> JsonObject:
        return {target: each.value for target, each in self.explained.items()}


@dataclass(frozen=True, slots=True)
class RefusedAttribute:
    attribute: str
    target: str
    mapping: str

    def error(self) -> InvalidValue:
        return InvalidValue(
            f"{self.attribute}: a value is expected, of which {self.mapping} makes {self.target!r}",
            attribute=self.attribute,
        )


class Profile:
    """Computes profiles by the attribute rules of one tenant.

    A rule whose path names nothing of the user's schemas gives its default; that is logged once, when the
    rules are compiled.
    """

    def __init__(self, rules: Iterable[AttributeRule], schemas: Iterable[ExtensionSchema] = ()) -> None:
        self._extensions = extensions_of(schemas, ExtendedResource.USER)
        users = user_resource_type(self._extensions)
        self._rules = [_CompiledRule(rule, users) for rule in rules]
        self.selectors = tuple(value.group for rule in self._rules for value in rule.rule.from_groups)
        """Of the groups whose members have a value of their own."""

    @property
    def uses_groups(self) -> bool:
        return bool(self.selectors)

    def sets(self, target: str) -> bool:
        """Whether a mapping sets it, rather than the standard."""
        return any(rule.rule.target == target for rule in self._rules)

    def names(self, group: GroupNames) -> bool:
        """Whether members of the group have a value for it."""
        return any(selects(selector, group) for selector in self.selectors)

    def names_alike(self, before: GroupNames, after: GroupNames) -> bool:
        """Whether a group means the same to its members under both names."""
        return all(selects(selector, before) == selects(selector, after) for selector in self.selectors)

    def compute(
        self, user: JsonObject, groups: Collection[GroupNames] = (), first_values: Mapping[str, Any] | None = None
    ) -> ComputedProfile:
        """The profile of a user: `user` is the stored document with `id` and `active`, `groups` are those that it is
        in, directly or through member groups, and `first_values` what `ComputedProfile` had before.

        Attributes without a value are absent.
        """
        user = fit_document(user, self._extensions)
        first = dict(first_values or {})
        failures: list[MappingFailure] = []
        refused: RefusedAttribute | None = None
        explained: dict[str, ProfileValue] = {
            name: ProfileValue(value, _STANDARD_ORIGIN)
            for name, source in _STANDARD.items()
            if not _is_missing(value := source(user))
        }
        for rule in self._rules:
            found, failure = rule.value(user, groups, first)
            if failure is not None:
                failures.append(failure)
            if found is not None:
                explained[rule.rule.target] = found
                continue
            explained.pop(rule.rule.target, None)
            if rule.refuses and refused is None:
                refused = RefusedAttribute(rule.attribute, rule.rule.target, rule.rule.mapping)
        return ComputedProfile(explained, first, tuple(failures), refused)


class _CompiledRule:
    def __init__(self, rule: AttributeRule, users: ResourceType) -> None:
        self.rule = rule
        self.attribute = rule.target
        """What the provider has to send."""
        self.refuses = rule.on_missing is OnMissing.REJECT and not rule.from_groups
        """Not for a value that a group gives: users come before their memberships."""
        self._once = rule.update is Update.ON_CREATE
        self._path: TargetPath | None = None
        self._expression = None if rule.expression is None else expression_of(rule.expression)
        if rule.path is not None:
            self.attribute = rule.path
            try:
                self._path = parse_path(rule.path, users)
            except (ScimError, UnresolvedPath):
                _log.warning(
                    "%s: path %r of attribute %s is not a user attribute", rule.mapping, rule.path, rule.target
                )
        elif self._expression is not None and self._expression.attributes:
            self.attribute = self._expression.attributes[0]

    def value(
        self, user: JsonObject, groups: Collection[GroupNames], first: JsonObject
    ) -> tuple[ProfileValue | None, MappingFailure | None]:
        """`first` gets the value, where it is the first one and is to stay."""
        target, mapping = self.rule.target, self.rule.mapping
        if self._once and target in first:
            return ProfileValue(first[target], f"mapping {mapping} (OnCreate)"), None
        failure = None
        try:
            value, origin = self._sourced(user, groups)
        except ExpressionFailed as error:
            value, origin, failure = None, "", MappingFailure(mapping, target, error.reason)
        if not _is_missing(value):
            if self._once:
                first[target] = value
            return ProfileValue(value, f"mapping {mapping} ({origin})"), failure
        if _is_missing(self.rule.default):
            return None, failure
        return ProfileValue(self.rule.default, f"mapping {mapping} (default)"), failure

    def _sourced(self, user: JsonObject, groups: Collection[GroupNames]) -> tuple[Any, str]:
        if self._path is not None:
            return _value_at(user, self._path), f"path {self.rule.path}"
        if self._expression is not None:
            return self._expression.value(user), "expression"
        for each in self.rule.from_groups:
            for group in groups:
                if selects(each.group, group):
                    return each.value, f"group {group.display_name or group.id}"
        if self.rule.path is None and not self.rule.from_groups:
            return self.rule.default, "default"
        return None, ""


def _is_missing(value: Any) -> bool:
    return value is None or value == ""


def _value_at(user: JsonObject, path: TargetPath) -> Any:
    """One value: of a multi-valued attribute the primary element's, else the first one's."""
    container = user if path.schema_urn is None else user.get(path.schema_urn, {})
    value = container.get(path.attribute.name)
    if isinstance(value, list):
        value = _preferred(value if path.value_filter is None else _selected(value, path))
    if isinstance(value, dict):
        return value.get(path.sub_attribute.name if path.sub_attribute else "value")
    return value


def _selected(elements: list[Any], path: TargetPath) -> list[Any]:
    selector = path.value_filter
    assert selector is not None  # noqa: S101 - the caller has looked
    return [element for element in elements if isinstance(element, dict) and matches_element(selector, element)]


def _preferred(elements: list[Any]) -> Any:
    for element in elements:
        if isinstance(element, dict) and element.get("primary") is True:
            return element
    return elements[0] if elements else None


def _core(name: str) -> _Source:
    return lambda user: user.get(name)


def _part_of_name(name: str) -> _Source:
    return lambda user: user.get("name", {}).get(name)


def _enterprise(name: str) -> _Source:
    return lambda user: user.get(ENTERPRISE_URN, {}).get(name)


def _manager(user: JsonObject) -> Any:
    return user.get(ENTERPRISE_URN, {}).get("manager", {}).get("value")


def _work(attribute: str, sub_attribute: str) -> _Source:
    """The primary element's value, else the one labelled `work`, else the first."""

    def source(user: JsonObject) -> Any:
        elements = user.get(attribute) or []
        work = [element for element in elements if element.get("type") == "work"]
        primary = [element for element in elements if element.get("primary") is True]
        chosen = primary or work or elements
        return chosen[0].get(sub_attribute) if chosen else None

    return source


_STANDARD: dict[str, _Source] = {
    "userName": _core("userName"),
    "externalId": _core("externalId"),
    "displayName": _core("displayName"),
    "givenName": _part_of_name("givenName"),
    "familyName": _part_of_name("familyName"),
    "email": _work("emails", "value"),
    "title": _core("title"),
    "department": _enterprise("department"),
    "division": _enterprise("division"),
    "organization": _enterprise("organization"),
    "costCenter": _enterprise("costCenter"),
    "employeeNumber": _enterprise("employeeNumber"),
    "employeeType": _core("userType"),
    "manager": _manager,
    "locality": _work("addresses", "locality"),
    "region": _work("addresses", "region"),
    "country": _work("addresses", "country"),
    "phone": _work("phoneNumbers", "value"),
    "locale": _core("locale"),
    "timezone": _core("timezone"),
    "active": _core("active"),
}
"""The keys of `scim.effective_schema.STANDARD_PROFILE`."""
