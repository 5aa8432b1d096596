"""AttributeMapping: SCIM attributes to the profile that applications see."""

import re
from typing import Annotated, ClassVar, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from scim_operator.api.config_ref import ConfigRef
from scim_operator.api.constants import ATTRIBUTE_MAPPING
from scim_operator.api.extension_schema import SchemaDeclaration
from scim_operator.api.group_ref import GroupRef
from scim_operator.api.keys import ObjectKey
from scim_operator.api.resource import ApiModel, Resource, require_unique
from scim_server.config import Expression, OnMissing, Update

# The same expressions stand in the CustomResourceDefinition; a test compares them.
TARGET_PATTERN = r"^[A-Za-z][A-Za-z0-9_.-]*$"
PATH_PATTERN = r"^(urn:[A-Za-z0-9._:-]+:)?[A-Za-z$][A-Za-z0-9_$-]*(\[[^\[\]]+\])?(\.[A-Za-z$][A-Za-z0-9_$-]*)?$"

_PATH = re.compile(PATH_PATTERN)


def _attribute_path(path: str) -> str:
    if not _PATH.match(path) or path.endswith("\n"):
        raise ValueError('a SCIM attribute path such as name.givenName or emails[type eq "work"].value is expected')
    return path


AttributePath = Annotated[str, StringConstraints(min_length=1, max_length=512), AfterValidator(_attribute_path)]
"""RFC 7644 §3.10: attribute, extension attribute after its URN, sub-attribute, value path with a filter."""


_Value = Annotated[str, StringConstraints(max_length=1024)]


class GroupValueEntry(ApiModel):
    """The value for members of the groups."""

    group: GroupRef
    value: _Value


class AttributeSource(ApiModel):
    """`target` of the profile is the value at `path`, of `expression`, or of the first of `from_groups` that the user
    is a member of; else `default`."""

    target: Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=TARGET_PATTERN)]
    path: AttributePath | None = None
    expression: Expression | None = None
    from_groups: tuple[GroupValueEntry, ...] = Field(default=(), max_length=64)
    default: _Value | None = None
    update: Update = Update.ALWAYS
    on_missing: OnMissing = OnMissing.ACCEPT

    @model_validator(mode="after")
    def _some_source(self) -> Self:
        sources = (self.path is not None) + (self.expression is not None) + bool(self.from_groups)
        if sources > 1:
            raise ValueError("at most one of path, expression and fromGroups is expected")
        if sources == 0 and self.default is None:
            raise ValueError("path, expression, fromGroups or default is expected")
        return self


class AttributeMappingSpec(ApiModel):
    config_ref: ConfigRef
    schemas: tuple[SchemaDeclaration, ...] = Field(default=(), max_length=16)
    attributes: tuple[AttributeSource, ...] = Field(default=(), min_length=1)

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        if not self.attributes and not self.schemas:
            raise ValueError("attributes or schemas is expected")
        require_unique("target", [attribute.target for attribute in self.attributes])
        require_unique("schema", [schema.id.lower() for schema in self.schemas])
        return self


class AttributeMapping(Resource):
    kind: ClassVar[str] = ATTRIBUTE_MAPPING

    spec: AttributeMappingSpec

    @property
    def config_key(self) -> ObjectKey:
        return self.spec.config_ref.key(self.metadata.namespace)
