"""Bodies of POST and PUT → the document that is stored (plus `members` of a group, see `members.take_members`)."""

from typing import Any

from scim_server.scim.errors import InvalidSyntax, InvalidValue
from scim_server.scim.normalise.attributes import parse_attribute
from scim_server.scim.normalise.json_text import json_in_string
from scim_server.scim.normalise.members import parse_members
from scim_server.scim.normalise.mismatch import Mismatch, kind_of
from scim_server.scim.normalise.patch_body import operations_at, parse_key
from scim_server.scim.patch.document import apply_to_document
from scim_server.scim.patch.operation import Operation
from scim_server.scim.schema import Attribute, JsonObject, ResourceType, Schema


def normalise_resource(body: Any, resource_type: ResourceType) -> JsonObject:
    """Canonical names and types, extensions under their URN; without what a client can't set.

    Dropped: nulls and empty arrays, unknown attributes and URNs, read-only ones (`id`, `meta`, `groups`, `schemas`,
    which Okta and OneLogin send back in PUT), `password` once it is known to be a string.

    Raises InvalidSyntax for a body that isn't an object, InvalidValue naming an attribute of the wrong type.
    """
    if not isinstance(body, dict):
        raise InvalidSyntax(f"the body must be a JSON object, not {kind_of(body)}")
    reading = _Reading(resource_type)
    for key, value in body.items():
        reading.take(key, value)
    if reading.at_paths:
        return apply_to_document(reading.document, reading.at_paths, resource_type)
    return reading.document


class _Reading:
    """One body on its way into a document."""

    def __init__(self, resource_type: ResourceType) -> None:
        self._type = resource_type
        self.document: JsonObject = {}
        self.at_paths: list[Operation] = []
        """Values under keys that are paths (`name.givenName`), applied when the plain ones are in place."""

    def take(self, key: str, value: Any) -> None:
        found = self._type.lookup(key)
        if found is not None:
            self._put(*found, value)
        elif (schema := self._type.schema_of_urn(key)) is not None:
            self._take_extension(schema, value)
        elif (path := parse_key(key, self._type)) is not None:
            self.at_paths += operations_at("add", path, value)

    def _take_extension(self, schema: Schema, value: Any) -> None:
        value = json_in_string(value)
        if value is None:
            return
        if not isinstance(value, dict):
            raise InvalidValue(
                f"{schema.id}: expected an object, found {kind_of(value)}",
                attribute=schema.id,
                reason="expected an object",
            )
        is_core = schema is self._type.schema
        for key, inner in value.items():
            attribute = self._type.attribute(key) if is_core else schema.attribute(key)
            if attribute is not None:
                self._put(None if is_core else schema.id, attribute, inner)
            elif (path := parse_key(f"{schema.id}:{key}", self._type)) is not None:
                self.at_paths += operations_at("add", path, inner)

    def _put(self, urn: str | None, attribute: Attribute, value: Any) -> None:
        if attribute.mutability == "readOnly":
            return
        try:
            is_members = urn is None and attribute.name == "members"
            parsed = parse_members(value) if is_members else parse_attribute(attribute, value)
        except Mismatch as mismatch:
            raise mismatch.inside(attribute.name).as_invalid_value() from None
        if parsed is None or attribute.returned == "never":
            return
        if urn is None:
            self.document[attribute.name] = parsed
        else:
            self.document.setdefault(urn, {})[attribute.name] = parsed
