"""Resources as a whole: what they must hold, what of them is shown (RFC 7643 §2.2, §7; RFC 7644 §3.4.2.5)."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from scim_server.scim.errors import InvalidValue, MutabilityViolation
from scim_server.scim.path import UnresolvedPath, resolve
from scim_server.scim.schema import Attribute, JsonObject, ResourceType

_EMPTY: tuple[Any, ...] = (None, "", [], {})

# --- What a resource must hold


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes that a document may have. Members of groups aren't part of it and have no limit."""

    key_length: int = 512
    """Characters of what is indexed: userName, externalId, displayName, `value` of e-mails, roles and so on. A
    PostgreSQL index entry holds 2,704 bytes, and a character is at most four of them."""
    string_length: int = 65_536
    elements: int = 1_000
    """Elements of one multi-valued attribute."""
    whole: int = 1 << 20
    """Bytes of the document as JSON: what a server holds for a page of resources is a multiple of it."""


DEFAULT_LIMITS = Limits()

_KEYS = frozenset({"userName", "externalId", "displayName"})


def validate_resource(
    document: JsonObject,
    resource_type: ResourceType,
    limits: Limits = DEFAULT_LIMITS,
    *,
    before: JsonObject | None = None,
) -> None:
    """Check a normalised document (after POST, PUT or PATCH) for required attributes and sizes.

    `before`: the stored document that it takes the place of, which may be larger than is accepted by now.
    Raises InvalidValue naming the attribute. The normaliser has checked types.
    """
    _check_required(document, resource_type.schema.attributes)
    _check_sizes(document, resource_type, None, limits)
    for extension in resource_type.extensions:
        part = document.get(extension.id)
        if part:
            _check_required(part, extension.attributes)
            _check_sizes(part, resource_type, extension.id, limits)
    _check_whole(document, resource_type, limits.whole, before)


def longest_text(
    name: str, element_of: str | None = None, *, in_core: bool = False, limits: Limits = DEFAULT_LIMITS
) -> int:
    """How many characters an attribute of the core schema or an extension may have, or a sub-attribute of the
    multi-valued attribute `element_of`."""
    is_key = in_core and name in _KEYS
    if element_of is not None:
        is_key = name == "value" and element_of not in _LONG_VALUES
    return limits.key_length if is_key else limits.string_length


def check_immutable(before: JsonObject, after: JsonObject, resource_type: ResourceType) -> None:
    """Check that a change of a stored document leaves immutable attributes as they were once set.

    Raises MutabilityViolation naming the attribute.
    """
    for urn, attributes in (
        (None, resource_type.schema.attributes),
        *((extension.id, extension.attributes) for extension in resource_type.extensions),
    ):
        old, new = (before, after) if urn is None else (before.get(urn, {}), after.get(urn, {}))
        for attribute in attributes:
            _check_same(attribute, attribute.name, old, new)
            if attribute.type == "complex" and not attribute.multi_valued and old.get(attribute.name):
                inner_old, inner_new = old[attribute.name], new.get(attribute.name) or {}
                for sub_attribute in attribute.sub_attributes:
                    _check_same(sub_attribute, f"{attribute.name}.{sub_attribute.name}", inner_old, inner_new)


def _check_same(attribute: Attribute, name: str, old: JsonObject, new: JsonObject) -> None:
    if attribute.mutability != "immutable":
        return
    if old.get(attribute.name) not in _EMPTY and old[attribute.name] != new.get(attribute.name):
        raise MutabilityViolation(
            f"{name} is immutable: it can't change once it is set", attribute=name, reason="immutable"
        )


def _check_required(document: JsonObject, attributes: tuple[Attribute, ...]) -> None:
    for attribute in attributes:
        if attribute.required:
            value = document.get(attribute.name)
            if value in _EMPTY or (isinstance(value, str) and not value.strip()):
                raise InvalidValue(
                    f"{attribute.name} is required and may not be empty",
                    attribute=attribute.name,
                    reason="required and may not be empty",
                )


def _check_sizes(document: JsonObject, resource_type: ResourceType, urn: str | None, limits: Limits) -> None:
    for name, value in document.items():
        if isinstance(value, str):
            _check_length(name, value, longest_text(name, in_core=urn is None, limits=limits))
        elif isinstance(value, list):
            if len(value) > limits.elements:
                raise InvalidValue(
                    f"{name} has {len(value)} elements; at most {limits.elements} are accepted",
                    attribute=name,
                    reason="too many elements",
                )
            for element in value:
                _check_element(name, element, limits)
        elif isinstance(value, dict) and not (urn is None and resource_type.schema_of_urn(name)):
            for sub_name, inner in value.items():
                _check_element(f"{name}.{sub_name}", inner, limits)


def _check_whole(document: JsonObject, resource_type: ResourceType, most: int, before: JsonObject | None) -> None:
    """A resource that is too large already may shrink, and be deactivated: that mustn't fail for a byte."""
    if before is None:
        fits = len(orjson.dumps(document)) <= most
    else:
        fits = _size(document, most) <= most or _size(document, present := _size(before)) <= present
    if not fits:
        raise InvalidValue(
            f"the {resource_type.name} as a whole has more than {most} bytes as JSON, and no more are accepted",
            reason="the resource as a whole is too large",
        )


def _size(document: JsonObject, most: float = math.inf) -> int:
    """Bytes as JSON, but for `active`; beyond `most` only that there are more.

    In pieces: a PATCH may put one long text into a thousand elements, which are one text only in memory.
    """
    size = 2
    for name, value in document.items():
        if name == "active":
            continue
        size += len(name) + 4
        if isinstance(value, dict):
            size += _size(value, most - size)
        elif isinstance(value, list):
            size += 2
            for element in value:
                size += len(orjson.dumps(element)) + 1
                if size > most:
                    return size
        else:
            size += len(orjson.dumps(value))
        if size > most:
            return size
    return size


def _check_element(name: str, element: Any, limits: Limits) -> None:
    if isinstance(element, str):
        _check_length(name, element, limits.string_length)
    elif isinstance(element, dict):
        for sub_name, inner in element.items():
            if isinstance(inner, str):
                _check_length(f"{name}.{sub_name}", inner, longest_text(sub_name, name, limits=limits))
    elif isinstance(element, list):
        for inner in element[: limits.elements + 1]:
            _check_element(name, inner, limits)


_LONG_VALUES = frozenset({"photos", "x509Certificates"})
"""Their `value` is a URL (often `data:`) or a certificate, which no request looks up."""


def _check_length(name: str, text: str, limit: int) -> None:
    if len(text) > limit:
        raise InvalidValue(
            f"{name} has {len(text)} characters; at most {limit} are accepted", attribute=name, reason="too long"
        )


# --- What is shown


Names = str | Iterable[str] | None
"""Attribute names as in `attributes=` (separated by commas) or as in a `.search` body (a list)."""


class Projection:
    """Which attributes of resources are shown; made once per request, applied to each resource.

    `attributes` shows only those named, `excluded_attributes` hides those named; in both, what is always returned
    stays and what is never returned doesn't appear. Names may be qualified, name sub-attributes, or be a schema's
    URN for all of it; unknown ones are ignored. `requested` are shown besides where `attributes` isn't given: a
    credential with read access has the effective extension's URN there.
    """

    __slots__ = ("_core", "_core_urn", "_extensions")

    def __init__(
        self, resource_type: ResourceType, attributes: Names = None, excluded: Names = None, requested: Names = None
    ) -> None:
        names = split_names(attributes)
        only = bool(names)
        wanted = _selection(names or split_names(requested), resource_type)
        unwanted = _selection(split_names(excluded), resource_type)
        self._core_urn = resource_type.schema.id
        self._core: Mapping[str, _Cut] = {}
        self._extensions: dict[str, Mapping[str, _Cut]] = {}
        for schema in resource_type.schemas:
            urn = None if schema is resource_type.schema else schema.id
            cuts = {
                attribute.name: cut
                for attribute in resource_type.attributes_of(schema)
                if (
                    cut := _cut(
                        attribute,
                        wanted.get((urn, attribute.name)),
                        unwanted.get((urn, attribute.name)),
                        only=only,
                    )
                )
                is not None
            }
            if urn is None:
                self._core = cuts
            elif cuts:
                self._extensions[urn] = cuts

    def includes(self, attribute: str) -> bool:
        """Whether a core attribute (`members`, `groups`) is shown: if not, it needn't be loaded."""
        return attribute in self._core

    def includes_part(self, attribute: str, sub_attribute: str) -> bool:
        """Whether a sub-attribute of a core attribute is shown."""
        return attribute in self._core and self._core[attribute].shows(sub_attribute)

    def includes_extension(self, urn: str) -> bool:
        """Whether anything of an extension is shown."""
        return urn in self._extensions

    def apply(self, resource: JsonObject) -> JsonObject:
        """The resource as shown, its `schemas` naming what is in it. The given one stays as it is."""
        schemas = [self._core_urn]
        shown: JsonObject = {"schemas": schemas}
        core, extensions = self._core, self._extensions
        for key, value in resource.items():
            if key in core:
                if key != "schemas" and (part := core[key].apply(value)) is not None:
                    shown[key] = part
            elif key in extensions and value:
                cuts = extensions[key]
                parts = {
                    name: part
                    for name, inner in value.items()
                    if name in cuts and (part := cuts[name].apply(inner)) is not None
                }
                if parts:
                    shown[key] = parts
                    schemas.append(key)
        return shown


@dataclass(frozen=True, slots=True)
class _Cut:
    """What is shown of one attribute: all but `hidden` sub-attributes, or only the `kept` ones."""

    hidden: frozenset[str] = frozenset()
    kept: frozenset[str] | None = None

    def apply(self, value: Any) -> Any:
        if not self.hidden and self.kept is None:
            return value
        if isinstance(value, list):
            return [part for element in value if (part := self.apply(element)) is not None] or None
        if not isinstance(value, dict):
            return value
        if value and self.kept is None and self.hidden.isdisjoint(value):
            return value
        return {name: inner for name, inner in value.items() if self.shows(name)} or None

    def shows(self, name: str) -> bool:
        """Of a sub-attribute."""
        return name not in self.hidden and (self.kept is None or name in self.kept)


_WHOLE = _Cut()

_Selection = dict[tuple[str | None, str], frozenset[str]]
"""(extension URN, attribute) → the sub-attributes that are meant; none means the whole attribute."""


def _cut(
    attribute: Attribute, wanted: frozenset[str] | None, unwanted: frozenset[str] | None, *, only: bool
) -> _Cut | None:
    """What is shown of an attribute, None for nothing of it. `only`: what isn't wanted isn't shown."""
    if attribute.returned == "never":
        return None
    if attribute.returned != "always":
        if wanted is None and (only or attribute.returned == "request"):
            return None
        if unwanted is not None and not unwanted:
            return None
    hidden = {sub.name for sub in attribute.sub_attributes if sub.returned == "never"}
    hidden |= {sub.name for sub in attribute.sub_attributes if sub.returned == "request"} - (wanted or set())
    always = {sub.name for sub in attribute.sub_attributes if sub.returned == "always"}
    hidden |= (unwanted or frozenset()) - always
    kept = (wanted | always) if wanted else None
    return _Cut(frozenset(hidden), kept) if hidden or kept else _WHOLE


def split_names(names: Names) -> tuple[str, ...]:
    """Each once, in order."""
    if not names:
        return ()
    parts = names.split(",") if isinstance(names, str) else names
    return tuple(dict.fromkeys(name for part in parts if (name := part.strip())))


def _selection(names: Iterable[str], resource_type: ResourceType) -> _Selection:
    selection: _Selection = {}
    for name in names:
        schema = resource_type.schema_named(name)
        if schema is not None:
            urn = None if schema is resource_type.schema else schema.id
            selection |= {(urn, attribute.name): frozenset() for attribute in schema.attributes}
            continue
        try:
            path = resolve(name, resource_type)
        except UnresolvedPath:
            continue
        key = path.schema_urn, path.attribute.name
        named_before = selection.get(key)
        if path.sub_attribute is None or (named_before is not None and not named_before):
            selection[key] = frozenset()
        else:
            selection[key] = (named_before or frozenset()) | {path.sub_attribute.name}
    return selection
