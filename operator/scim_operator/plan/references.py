"""Which other objects a ProvisioningConfig names."""

from scim_operator.api import ObjectKey, ProvisioningConfig


def secret_refs(config: ProvisioningConfig) -> frozenset[ObjectKey]:
    """The Secrets of its credentials, all in its own namespace."""
    return frozenset(ObjectKey(config.metadata.namespace, name) for name in config.spec.authentication.secret_names)
