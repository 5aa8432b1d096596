"""Attribute paths: how a filter, a PATCH operation or a parameter names an attribute (RFC 7644 §3.10)."""

from dataclasses import dataclass

from scim_server.scim.schema import Attribute, ResourceType


@dataclass(frozen=True, slots=True)
class AttributePath:
    """A path resolved against a resource type: names are canonical, characteristics at hand.

    `schema_urn` is None for core and common attributes, else the extension under whose key the value stands.
    """

    schema_urn: str | None
    attribute: Attribute
    sub_attribute: Attribute | None = None

    @property
    def target(self) -> Attribute:
        """The attribute whose type and characteristics decide: the sub-attribute where there is one."""
        return self.sub_attribute or self.attribute

    @property
    def dotted(self) -> str:
        """`name.familyName`: the canonical name without URN and filter."""
        return f"{self.attribute.name}.{self.sub_attribute.name}" if self.sub_attribute else self.attribute.name

    def __str__(self) -> str:
        """`emails.value`, `urn:…:enterprise:2.0:User:manager.value`."""
        return self.dotted if self.schema_urn is None else f"{self.schema_urn}:{self.dotted}"


class UnresolvedPath(Exception):
    """A path names nothing of the resource type. Callers turn it into the SCIM error of their context."""

    def __init__(self, name: str, reason: str, *, unknown_schema: bool = False) -> None:
        super().__init__(reason)
        self.name = name
        self.reason = reason
        self.unknown_schema = unknown_schema


def resolve(text: str, resource_type: ResourceType, *, strict: bool = False) -> AttributePath:
    """Resolve `attr`, `attr.sub`, `urn:…:attr` or `urn:…:attr.sub`, names in any case. Of a simple attribute with
    several values, `attr.value` is `attr`.

    `strict`: attributes of extensions are known by their URN alone (RFC 7643 §3.3). Raises UnresolvedPath; its
    `unknown_schema` says that a URN isn't one of the resource type's.
    """
    found = resource_type.lookup(text, strict=strict)
    if found is not None:
        return AttributePath(*found)
    qualified = resource_type.split_urn(text, strict=strict)
    if qualified is None:
        if ":" in text:
            raise UnresolvedPath(text, "its schema isn't known here", unknown_schema=True)
        name, dot, sub_name = text.partition(".")
        found = resource_type.lookup(name, strict=strict)
    else:
        schema, rest = qualified
        name, dot, sub_name = rest.partition(".")
        found = _in_schema(schema.id, name, resource_type)
    if found is None:
        raise UnresolvedPath(text, f"{resource_type.name} has no such attribute")
    urn, attribute = found
    if not dot or (attribute.element is not attribute and sub_name.lower() == "value" and not strict):
        return AttributePath(urn, attribute)
    return AttributePath(urn, attribute, sub_attribute_of(attribute, sub_name))


def sub_attribute_of(attribute: Attribute, name: str) -> Attribute:
    """The sub-attribute in any case; raises UnresolvedPath when there is none."""
    sub_attribute = attribute.sub_attribute(name)
    if sub_attribute is None:
        raise UnresolvedPath(f"{attribute.name}.{name}", f"{attribute.name} has no such sub-attribute")
    return sub_attribute


def _in_schema(urn: str, name: str, resource_type: ResourceType) -> tuple[str | None, Attribute] | None:
    if urn == resource_type.schema.id:
        return resource_type.core_lookup(name)
    schema = resource_type.schema_of_urn(urn)
    attribute = None if schema is None else schema.attribute(name)
    return None if attribute is None else (urn, attribute)
