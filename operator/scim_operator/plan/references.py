"""Which other objects a ProvisioningConfig names."""

from scim_operator.api import ObjectKey, ProvisioningConfig


def secret_refs(config: ProvisioningConfig) -> frozenset[ObjectKey]:
    """The Secrets of its credentials, all in its own namespace."""
    return frozenset(
        ObjectKey(config.metadata.namespace, token.secret_ref.name)
        for token in config.spec.authentication.bearer_tokens
    )
