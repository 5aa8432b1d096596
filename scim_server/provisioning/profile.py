"""A user's profile as applications see it: standard attributes, overridden by attribute mappings."""

import logging
from collections.abc import Callable, Iterable
from typing import Any

from scim_server.config import AttributeRule
from scim_server.scim.enterprise import ENTERPRISE_URN
from scim_server.scim.errors import ScimError
from scim_server.scim.filter.memory import matches_element
from scim_server.scim.filter.parser import parse_path
from scim_server.scim.filter.target import TargetPath
from scim_server.scim.path import UnresolvedPath
from scim_server.scim.schema import JsonObject, ResourceType

_log = logging.getLogger(__name__)

_Source = Callable[[JsonObject], Any]


class Profile:
    """Computes profiles by the attribute rules of one tenant.

    A rule whose path names nothing of the user's schemas gives its default; that is logged once, when the
    configuration is loaded.
    """

    def __init__(self, rules: Iterable[AttributeRule], users: ResourceType) -> None:
        self._sources: dict[str, _Source] = dict(_STANDARD)
        for rule in rules:
            self._sources[rule.target] = _source_of(rule, users)

    def of(self, user: JsonObject) -> JsonObject:
        """`user`: the stored document. Attributes without a value are absent."""
        found = {name: source(user) for name, source in self._sources.items()}
        return {name: value for name, value in found.items() if value is not None and value != ""}


def _source_of(rule: AttributeRule, users: ResourceType) -> _Source:
    default = rule.default
    if rule.path is None:
        return lambda user: default
    try:
        path = parse_path(rule.path, users)
    except (ScimError, UnresolvedPath):
        _log.warning("%s: path %r of attribute %s is not a user attribute", rule.mapping, rule.path, rule.target)
        return lambda user: default

    def source(user: JsonObject) -> Any:
        value = _value_at(user, path)
        return default if value is None or value == "" else value

    return source


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
