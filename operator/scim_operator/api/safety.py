"""The part `spec.safety` of a ProvisioningConfig: guards, and decisions on what they hold."""

from datetime import timedelta
from typing import Annotated, Self

from pydantic import AfterValidator, model_validator

from scim_operator.api.duration import Duration
from scim_operator.api.resource import ApiModel, Name, require_unique
from scim_server.config import Count, Decision, Percent


def _at_least_a_second(duration: timedelta) -> timedelta:
    if duration < timedelta(seconds=1):
        raise ValueError("a duration of at least 1s is expected")
    return duration


_SomeTime = Annotated[Duration, AfterValidator(_at_least_a_second)]


class ProtectedUserRef(ApiModel):
    """A user by exactly one of its attributes."""

    user_name: Name | None = None
    external_id: Name | None = None
    id: Name | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if sum(value is not None for value in (self.user_name, self.external_id, self.id)) != 1:
            raise ValueError("exactly one of userName, externalId and id is expected")
        return self


class MaxDeactivations(ApiModel):
    percent: Percent = 10
    count: Count = 25
    per: _SomeTime = timedelta(hours=1)


class MaxRoleChanges(ApiModel):
    percent: Percent = 20
    count: Count = 50


class HoldDecisionEntry(ApiModel):
    hold: Name
    decision: Decision


class Safety(ApiModel):
    protected_users: tuple[ProtectedUserRef, ...] = ()
    max_deactivations: MaxDeactivations = MaxDeactivations()
    max_role_changes: MaxRoleChanges = MaxRoleChanges()
    hold_for: _SomeTime = timedelta(hours=4)
    on_hold_expiry: Decision = Decision.APPLY
    decisions: tuple[HoldDecisionEntry, ...] = ()

    @model_validator(mode="after")
    def _decisions_once(self) -> Self:
        require_unique("hold", [decision.hold for decision in self.decisions])
        return self
