"""The attributes of a user that a path can name (RFC 7643 §4.1, §4.3), for whoever writes paths into the contract.

The server resolves paths by its schemas; a test holds these names against them. They stand here too, so that the
operator can tell the author of a mapping that a path names nothing, which no server would ever report to it.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from scim_server.config.extension_schemas import ExtendedResource, ExtensionSchema

CORE_URN = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE_URN = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

_LABELLED = ("value", "display", "type", "primary")

USER_ATTRIBUTES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    CORE_URN: {
        "externalId": (),
        "userName": (),
        "name": ("formatted", "familyName", "givenName", "middleName", "honorificPrefix", "honorificSuffix"),
        "displayName": (),
        "nickName": (),
        "profileUrl": (),
        "title": (),
        "userType": (),
        "preferredLanguage": (),
        "locale": (),
        "timezone": (),
        "active": (),
        "emails": _LABELLED,
        "phoneNumbers": _LABELLED,
        "ims": _LABELLED,
        "photos": _LABELLED,
        "addresses": (
            *("formatted", "streetAddress", "locality", "region", "postalCode", "country"),
            *("type", "primary"),
        ),
        "entitlements": _LABELLED,
        "roles": _LABELLED,
        "x509Certificates": _LABELLED,
    },
    ENTERPRISE_URN: {
        "employeeNumber": (),
        "costCenter": (),
        "organization": (),
        "division": (),
        "department": (),
        "manager": ("value", "$ref", "displayName"),
    },
}
"""Sub-attributes by attribute by schema: what a mapping can read of a stored user."""

_PATH = re.compile(
    r"(?:(?P<urn>urn:[^\[]+):)?(?P<name>[^:.\[\]]+)(?:\[.*\])?(?:\.(?P<part>[^.\[\]]+))?", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class NamedAttribute:
    parts: tuple[str, ...]
    multi_valued: bool


class UserAttributes:
    """The standard's attributes and those of declared extension schemas. Names and URNs compare without case."""

    def __init__(self, declared: Iterable[ExtensionSchema] = ()) -> None:
        self._urns = [*USER_ATTRIBUTES]
        self._names: dict[str, dict[str, tuple[str, ...]]] = {
            urn.lower(): dict(attributes) for urn, attributes in USER_ATTRIBUTES.items()
        }
        self._attributes: dict[str, dict[str, NamedAttribute]] = {
            urn: {name: NamedAttribute(parts, "primary" in parts) for name, parts in attributes.items()}
            for urn, attributes in USER_ATTRIBUTES.items()
        }
        self._by_schema: dict[str, dict[str, frozenset[str]]] = {}
        for urn, attributes in USER_ATTRIBUTES.items():
            self._by_schema[urn.lower()] = {name.lower(): _folded(parts) for name, parts in attributes.items()}
        for schema in declared:
            if schema.resource_type is ExtendedResource.USER:
                self._by_schema[schema.id.lower()] = {
                    each.name.lower(): _folded(part.name for part in each.sub_attributes)
                    for each in schema.attributes
                }
                self._urns.append(schema.id)
                self._attributes[schema.id] = {
                    each.name: NamedAttribute(tuple(part.name for part in each.sub_attributes), each.multi_valued)
                    for each in schema.attributes
                }
                self._names[schema.id.lower()] = {
                    each.name: tuple(part.name for part in each.sub_attributes) for each in schema.attributes
                }

    @property
    def extension_urns(self) -> Sequence[str]:
        return [urn for urn in self._urns if urn != CORE_URN]

    def names_of(self, urn: str) -> Mapping[str, NamedAttribute] | None:
        """The attributes of a schema by their names as they are spelled; of the schema too, case matters."""
        return self._attributes.get(urn)

    def know(self, path: str) -> bool:
        """Whether `path` names an attribute or sub-attribute. Without a URN it may be of any schema."""
        match = _PATH.fullmatch(path)
        if match is None:
            return False
        urn, name, part = match["urn"], match["name"].lower(), match["part"]
        schemas = self._by_schema.values() if urn is None else [self._by_schema.get(urn.lower(), {})]
        return any(name in schema and (part is None or part.lower() in schema[name]) for schema in schemas)

    def alternatives(self, path: str) -> tuple[str, frozenset[str]]:
        """The part of a path that names nothing, and what could stand in its place."""
        match = _PATH.fullmatch(path)
        if match is None:
            return path, frozenset()
        urn, name, part = match["urn"], match["name"], match["part"]
        if urn is not None and urn.lower() not in self._names:
            return urn, frozenset(self._urns)
        schemas = self._names.values() if urn is None else [self._names[urn.lower()]]
        parts = [parts for schema in schemas for known, parts in schema.items() if known.lower() == name.lower()]
        if part is not None and parts:
            return part, frozenset(known for known_parts in parts for known in known_parts)
        return name, frozenset(known for schema in schemas for known in schema)


def _folded(names: Iterable[str]) -> frozenset[str]:
    return frozenset(name.lower() for name in names)
