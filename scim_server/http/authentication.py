"""Who asks: bearer tokens against the digests of the configuration (RFC 6750, RFC 7644 §2)."""

import hmac
from dataclasses import dataclass
from datetime import UTC, datetime

from scim_server.config import BearerCredential, ConfigBundle
from scim_server.directory.tenant import ServedTenant

_DIGEST_BYTES = 32


@dataclass(frozen=True, slots=True)
class _Known:
    tenant: ServedTenant
    credentials: tuple[tuple[bytes, BearerCredential], ...]


class Authenticator:
    """The credentials of one configuration; a new one is made for each configuration.

    An unknown tenant, a wrong token, another tenant's token and an expired one give the same answer after the
    same work: nobody learns which tenants exist.
    """

    def __init__(self, bundle: ConfigBundle) -> None:
        self._key = bytes.fromhex(bundle.secrets.token_key)
        self._tenants = {
            (tenant.namespace, tenant.name): _Known(
                ServedTenant(tenant, bundle.revision, self._key),
                tuple(
                    (bytes.fromhex(bundle.secrets.digests[tenant.credential_key(credential.name)]), credential)
                    for credential in tenant.credentials
                ),
            )
            for tenant in bundle.config.tenants
        }
        nobody = BearerCredential(name="nobody", expires_at=datetime.min.replace(tzinfo=UTC))
        self._decoy = ((bytes(_DIGEST_BYTES), nobody),)

    def authenticate(
        self, namespace: str, name: str, authorization: bytes | None, now: datetime
    ) -> tuple[ServedTenant, BearerCredential] | None:
        """The tenant and the credential that `Authorization` proves, or None."""
        scheme, _, token = (authorization or b"").partition(b" ")
        digest = hmac.digest(self._key, token.strip(), "sha256")
        known = self._tenants.get((namespace, name))
        found: BearerCredential | None = None
        # Every digest is compared, whatever the earlier ones gave.
        for expected, credential in known.credentials if known and known.credentials else self._decoy:
            if hmac.compare_digest(expected, digest):
                found = credential
        if known is None or found is None or found.expired(now) or scheme.lower() != b"bearer":
            return None
        return known.tenant, found
