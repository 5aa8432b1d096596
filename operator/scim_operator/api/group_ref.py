"""How a mapping names SCIM groups."""

from typing import Self

from pydantic import model_validator

from scim_operator.api.resource import ApiModel, Name


class GroupRef(ApiModel):
    """SCIM groups by exactly one of their attributes."""

    external_id: Name | None = None
    id: Name | None = None
    display_name: Name | None = None
    display_name_pattern: Name | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        given = (self.external_id, self.id, self.display_name, self.display_name_pattern)
        if sum(value is not None for value in given) != 1:
            raise ValueError("exactly one of externalId, id, displayName and displayNamePattern is expected")
        return self
