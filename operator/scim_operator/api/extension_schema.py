"""Extension schemas as an AttributeMapping declares them. Bounds and patterns are those of the server's contract."""

from typing import Self

from pydantic import Field, StrictBool, model_validator

from scim_operator.api.resource import ApiModel, require_unique
from scim_server.config import (
    MOST_ATTRIBUTES,
    MOST_SUB_ATTRIBUTES,
    AttributeName,
    Description,
    ExtendedResource,
    ExtensionType,
    SchemaName,
    SchemaUrn,
)


class SchemaSubAttribute(ApiModel):
    name: AttributeName
    type: ExtensionType = ExtensionType.STRING
    description: Description = ""
    multi_valued: StrictBool = False
    required: StrictBool = False
    case_exact: StrictBool = False

    @model_validator(mode="after")
    def _simple(self) -> Self:
        if self.type is ExtensionType.COMPLEX:
            raise ValueError("a sub-attribute can't be complex")
        return self


class SchemaAttribute(ApiModel):
    name: AttributeName
    type: ExtensionType = ExtensionType.STRING
    description: Description = ""
    multi_valued: StrictBool = False
    required: StrictBool = False
    case_exact: StrictBool = False
    sub_attributes: tuple[SchemaSubAttribute, ...] = Field(default=(), max_length=MOST_SUB_ATTRIBUTES)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.type is ExtensionType.COMPLEX) != bool(self.sub_attributes):
            raise ValueError("subAttributes are expected with type: complex, and only there")
        require_unique("sub-attribute", [each.name.lower() for each in self.sub_attributes])
        return self


class SchemaDeclaration(ApiModel):
    """A schema by its URN, which the server announces and whose attributes it takes."""

    id: SchemaUrn
    name: SchemaName = ""
    description: Description = ""
    resource_type: ExtendedResource = ExtendedResource.USER
    attributes: tuple[SchemaAttribute, ...] = Field(min_length=1, max_length=MOST_ATTRIBUTES)

    @model_validator(mode="after")
    def _names_once(self) -> Self:
        require_unique("attribute", [attribute.name.lower() for attribute in self.attributes])
        return self
