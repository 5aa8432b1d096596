"""Which other objects a ProvisioningConfig names."""

from scim_operator.api import ObjectKey, ProvisioningConfig


def secret_refs(config: ProvisioningConfig) -> frozenset[ObjectKey]:
    """The Secrets of its credentials and webhooks, all in its own namespace."""
    names = config.spec.authentication.secret_names | config.spec.delivery.secret_names
    return frozenset(ObjectKey(config.metadata.namespace, name) for name in names)
