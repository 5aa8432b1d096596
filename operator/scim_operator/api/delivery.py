"""The part `spec.delivery` of a ProvisioningConfig: where events go."""

from typing import Annotated, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from scim_operator.api.authentication import SecretKeyRef
from scim_operator.api.resource import ApiModel, Name, require_unique
from scim_server.config import WebhookFormat, check_webhook_url


class SigningKeyRef(SecretKeyRef):
    """A Secret with the signing keys of a webhook, one a line."""

    key: Annotated[str, StringConstraints(min_length=1, max_length=253)] = "secret"


class WebhookTarget(ApiModel):
    name: Annotated[str, StringConstraints(min_length=1, max_length=63)]
    url: Annotated[str, StringConstraints(min_length=1, max_length=2048), AfterValidator(check_webhook_url)]
    secret_ref: SigningKeyRef
    events: tuple[Name, ...] = Field(default=("*",), min_length=1)
    format: WebhookFormat = WebhookFormat.STANDARD_WEBHOOKS


class EventDelivery(ApiModel):
    webhooks: tuple[WebhookTarget, ...] = ()

    @model_validator(mode="after")
    def _names_once(self) -> Self:
        require_unique("webhook", [webhook.name for webhook in self.webhooks])
        return self

    @property
    def secret_names(self) -> frozenset[str]:
        """Of every Secret that is referred to."""
        return frozenset(webhook.secret_ref.name for webhook in self.webhooks)
