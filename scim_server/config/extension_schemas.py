"""Extension schemas that a tenant declares: attributes of its own for users and groups (RFC 7643 §3.3, §7)."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from scim_server.config.contract import Contract, ResourceKey

SCHEMA_URN_PATTERN = r"^urn:[A-Za-z0-9][A-Za-z0-9-]{0,31}:[A-Za-z0-9._:-]*[A-Za-z0-9_-]$"
"""Without what could end the URN before an attribute's name in a path or a filter."""
ATTRIBUTE_NAME_PATTERN = r"^[A-Za-z][A-Za-z0-9_-]*$"
RESERVED_URNS = ("urn:ietf:params:scim:", "urn:scim-operator:", "urn:okta:scim:")
"""In lower case: the standard's, and those that the server defines itself."""


def _not_reserved(urn: str) -> str:
    for prefix in RESERVED_URNS:
        if urn.lower().startswith(prefix):
            raise ValueError(f"schemas that begin with {prefix} can't be declared")
    return urn


SchemaUrn = Annotated[
    str, StringConstraints(pattern=SCHEMA_URN_PATTERN, max_length=256), AfterValidator(_not_reserved)
]
SchemaName = Annotated[str, StringConstraints(max_length=256)]
AttributeName = Annotated[str, StringConstraints(pattern=ATTRIBUTE_NAME_PATTERN, max_length=128)]
Description = Annotated[str, StringConstraints(max_length=1024)]
MOST_ATTRIBUTES = 256
MOST_SUB_ATTRIBUTES = 64


class ExtensionType(StrEnum):
    """RFC 7643 §2.3."""

    STRING = "string"
    BOOLEAN = "boolean"
    DECIMAL = "decimal"
    INTEGER = "integer"
    DATE_TIME = "dateTime"
    BINARY = "binary"
    REFERENCE = "reference"
    COMPLEX = "complex"


class ExtendedResource(StrEnum):
    """Which resource type a schema extends."""

    USER = "User"
    GROUP = "Group"


class ExtensionSubAttribute(Contract):
    """A part of a complex attribute."""

    name: AttributeName
    type: ExtensionType = ExtensionType.STRING
    description: Description = ""
    multi_valued: bool = False
    required: bool = False
    case_exact: bool = False

    @model_validator(mode="after")
    def _simple(self) -> Self:
        if self.type is ExtensionType.COMPLEX:
            raise ValueError("a sub-attribute can't be complex (RFC 7643 §2.3.8)")
        return self


class ExtensionAttribute(Contract):
    """An attribute of the schema; `sub_attributes` are what a complex one consists of."""

    name: AttributeName
    type: ExtensionType = ExtensionType.STRING
    description: Description = ""
    multi_valued: bool = False
    required: bool = False
    case_exact: bool = False
    sub_attributes: tuple[ExtensionSubAttribute, ...] = Field(default=(), max_length=MOST_SUB_ATTRIBUTES)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.type is ExtensionType.COMPLEX) != bool(self.sub_attributes):
            raise ValueError("subAttributes are expected with type complex, and only there")
        _require_unique_names("subAttributes", [each.name for each in self.sub_attributes])
        return self


class ExtensionSchema(Contract):
    """A schema by its URN. `mapping` is the AttributeMapping that declares it."""

    mapping: ResourceKey
    id: SchemaUrn
    name: SchemaName = ""
    description: Description = ""
    resource_type: ExtendedResource = ExtendedResource.USER
    attributes: tuple[ExtensionAttribute, ...] = Field(min_length=1, max_length=MOST_ATTRIBUTES)

    @model_validator(mode="after")
    def _names_once(self) -> Self:
        _require_unique_names("attributes", [attribute.name for attribute in self.attributes])
        return self


def _require_unique_names(field: str, names: list[str]) -> None:
    """SCIM names compare without case. Raises ValueError."""
    seen: set[str] = set()
    for name in names:
        if name.lower() in seen:
            raise ValueError(f"{field}: {name!r} appears more than once")
        seen.add(name.lower())
