"""Documents of the contract, short to write."""

from typing import Any

from scim_server.config import BearerCredential, ConfigBundle, ServerConfig, ServerSecrets, Tenant

TOKEN_KEY = "5ec2e7" + "0" * 58
DIGEST = "d16e57" + "0" * 58


def tenant(namespace: str = "acme", name: str = "okta", **fields: Any) -> Tenant:
    return Tenant(namespace=namespace, name=name, **fields)


def bundle(revision: int, *tenants: Tenant) -> ConfigBundle:
    """With a digest for each credential."""
    digests = {
        tenant.credential_key(credential.name): DIGEST for tenant in tenants for credential in tenant.credentials
    }
    return ConfigBundle(
        config=ServerConfig(revision=revision, tenants=tenants),
        secrets=ServerSecrets(revision=revision, token_key=TOKEN_KEY, digests=digests),
    )


def with_token(name: str = "okta") -> Tenant:
    return tenant(credentials=(BearerCredential(name=name),))
