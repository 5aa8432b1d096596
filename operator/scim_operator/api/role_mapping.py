"""RoleMapping: SCIM groups, or conditions on users, to roles."""

from enum import StrEnum
from typing import ClassVar, Self

from pydantic import Field, model_validator

from scim_operator.api.config_ref import ConfigRef
from scim_operator.api.constants import ROLE_MAPPING
from scim_operator.api.group_ref import GroupRef
from scim_operator.api.keys import ObjectKey
from scim_operator.api.resource import ApiModel, Name, Resource, Time, require_unique
from scim_server.config import Expression


class MappingMode(StrEnum):
    """`Enforce` gives roles; `Preview` gives none and says what it would change."""

    ENFORCE = "Enforce"
    PREVIEW = "Preview"


class RoleMappingRule(ApiModel):
    """Members of any of `groups` of whom `when` is true have every one of `roles`, within the window. Without groups
    it is for all users of whom `when` is true."""

    name: Name
    groups: tuple[GroupRef, ...] = ()
    when: Expression | None = None
    roles: tuple[Name, ...] = Field(min_length=1)
    not_before: Time | None = None
    not_after: Time | None = None

    @model_validator(mode="after")
    def _groups_or_when(self) -> Self:
        if not self.groups and self.when is None:
            raise ValueError("groups, when or both are expected")
        return self

    @model_validator(mode="after")
    def _window_has_time(self) -> Self:
        if self.not_before is not None and self.not_after is not None and self.not_before >= self.not_after:
            raise ValueError("notAfter: a time after notBefore is expected")
        return self


class RoleMappingSpec(ApiModel):
    config_ref: ConfigRef
    mode: MappingMode = MappingMode.ENFORCE
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
