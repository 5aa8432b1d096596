"""How a mapping names its ProvisioningConfig."""

from typing import Annotated

from pydantic import StringConstraints

from scim_operator.api.keys import NAMESPACE, OBJECT_NAME, ObjectKey
from scim_operator.api.resource import ApiModel


class ConfigRef(ApiModel):
    """`spec.configRef`. Without a namespace it means the mapping's own."""

    name: Annotated[str, StringConstraints(pattern=OBJECT_NAME, max_length=253)]
    namespace: Annotated[str, StringConstraints(pattern=NAMESPACE, max_length=63)] | None = None

    def key(self, own_namespace: str) -> ObjectKey:
        return ObjectKey(self.namespace or own_namespace, self.name)
