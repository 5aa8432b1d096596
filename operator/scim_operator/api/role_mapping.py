"""RoleMapping: SCIM groups to roles."""

from typing import ClassVar, Self

from pydantic import Field, model_validator

from scim_operator.api.config_ref import ConfigRef
from scim_operator.api.constants import ROLE_MAPPING
from scim_operator.api.keys import ObjectKey
from scim_operator.api.resource import ApiModel, Name, Resource, require_unique


class GroupRef(ApiModel):
    """SCIM groups by exactly one of their attributes."""

    external_id: Name | None = None
    display_name: Name | None = None
    display_name_pattern: Name | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if sum(value is not None for value in (self.external_id, self.display_name, self.display_name_pattern)) != 1:
            raise ValueError("exactly one of externalId, displayName and displayNamePattern is expected")
        return self


class RoleMappingRule(ApiModel):
    """Members of any of `groups` have every one of `roles`."""

    name: Name
    groups: tuple[GroupRef, ...] = Field(min_length=1)
    roles: tuple[Name, ...] = Field(min_length=1)


class RoleMappingSpec(ApiModel):
    config_ref: ConfigRef
    rules: tuple[RoleMappingRule, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _rules_once(self) -> Self:
        require_unique("rule", [rule.name for rule in self.rules])
        return self


class RoleMapping(Resource):
    kind: ClassVar[str] = ROLE_MAPPING

    spec: RoleMappingSpec

    @property
    def config_key(self) -> ObjectKey:
        return self.spec.config_ref.key(self.metadata.namespace)
