"""Extension schemas as an AttributeMapping declares them. Bounds and patterns are those of the server's contract."""

from typing import Annotated, Self

from pydantic import AfterValidator, Field, StrictBool, StringConstraints, model_validator

from scim_operator.api.resource import ApiModel, require_unique
from scim_server.config import (
    ATTRIBUTE_NAME_PATTERN,
    RESERVED_URNS,
    SCHEMA_URN_PATTERN,
    ExtendedResource,
    ExtensionType,
)


def _not_reserved(urn: str) -> str:
    if urn.lower().startswith(RESERVED_URNS):
        raise ValueError("schemas of the standard and of the server itself can't be declared")
    return urn


SchemaUrn = Annotated[
    str, StringConstraints(pattern=SCHEMA_URN_PATTERN, max_length=256), AfterValidator(_not_reserved)
]
_AttributeName = Annotated[str, StringConstraints(pattern=ATTRIBUTE_NAME_PATTERN, max_length=128)]
_Description = Annotated[str, StringConstraints(max_length=1024)]


class SchemaSubAttribute(ApiModel):
    name: _AttributeName
    type: ExtensionType = ExtensionType.STRING
    description: _Description = ""
    multi_valued: StrictBool = False
    required: StrictBool = False
    case_exact: StrictBool = False

    @model_validator(mode="after")
    def _simple(self) -> Self:
        if self.type is ExtensionType.COMPLEX:
            raise ValueError("a sub-attribute can't be complex")
        return self


class SchemaAttribute(ApiModel):
    name: _AttributeName
    type: ExtensionType = ExtensionType.STRING
    description: _Description = ""
    multi_valued: StrictBool = False
    required: StrictBool = False
    case_exact: StrictBool = False
    sub_attributes: tuple[SchemaSubAttribute, ...] = Field(default=(), max_length=64)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.type is ExtensionType.COMPLEX) != bool(self.sub_attributes):
            raise ValueError("subAttributes are expected with type: complex, and only there")
        require_unique("sub-attribute", [each.name.lower() for each in self.sub_attributes])
        return self


class SchemaDeclaration(ApiModel):
    """A schema by its URN, which the server announces and whose attributes it takes."""

    id: SchemaUrn
    name: Annotated[str, StringConstraints(max_length=256)] = ""
    description: _Description = ""
    resource_type: ExtendedResource = ExtendedResource.USER
    attributes: tuple[SchemaAttribute, ...] = Field(min_length=1, max_length=256)

    @model_validator(mode="after")
    def _names_once(self) -> Self:
        require_unique("attribute", [attribute.name.lower() for attribute in self.attributes])
        return self
