"""Why a request was not authenticated: for the log and the metrics of the server, never for the client."""

from dataclasses import dataclass
from enum import StrEnum


class Failure(StrEnum):
    """The kinds, as the label `reason` of a metric has them."""

    UNKNOWN_TENANT = "unknown_tenant"
    """No ProvisioningConfig has the namespace and name that the path names, or the server hasn't its
    configuration."""
    NO_CREDENTIAL = "no_credential"
    """No header Authorization, or one that is neither bearer nor basic."""
    WRONG_SCHEME = "wrong_scheme"
    """Basic where the tenant has no passwords, or Bearer where it has nothing else."""
    UNKNOWN_CREDENTIAL = "unknown_credential"
    """A token, a password or a client secret that isn't one of the tenant's."""
    EXPIRED = "expired"
    """The credential is one of the tenant's, and its `expiresAt` has passed."""
    JWT = "jwt"
    """A token of an issuer, or a client's assertion, that breaks a rule."""
    KEYS_UNAVAILABLE = "keys_unavailable"
    """Nothing is known to be wrong, but the signature can't be verified: the keys can't be had."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A request that was not authenticated. This holds names of the configuration, and nothing that was presented."""

    tenant_key: str
    """Of the tenant that is addressed; empty where there is no such tenant."""
    failure: Failure
    reason: str
    """In words."""
    credential: str = ""
    """Name of the credential, where what was presented is one of the tenant's: an expired token, say. Only whoever
    had a secret of the tenant gets so far."""
