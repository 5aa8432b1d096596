"""Access tokens of our own: opaque to clients, verified by every replica without a look at the database.

    scim_ base64url(payload) . base64url(HMAC-SHA-256)

The payload is JSON: tenant, name of the client, access, expiry. The code's key comes from the installation's key
by HKDF, and the code covers the client's entry in the configuration as well: once the client is removed, or its
secret or keys are replaced, its tokens are worth nothing.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import orjson
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from scim_server.auth import base64url
from scim_server.config import Access, OAuthClient, Tenant

LIFETIME_SECONDS = 3600

_PREFIX = b"scim_"
"""So that scanners for leaked secrets can find them."""
_CONTEXT = b"scim-operator access token 1"
_DECOY = bytes(32)


@dataclass(frozen=True, slots=True)
class _Client:
    entry: OAuthClient
    fingerprint: bytes


class AccessTokens:
    """Issues and verifies the access tokens of one configuration's OAuth clients.

    `digests`: as in `ServerSecrets`. `key`: the installation's.
    """

    def __init__(self, tenants: tuple[Tenant, ...], digests: Mapping[str, str], key: bytes) -> None:
        self._key = HKDF(SHA256(), 32, salt=None, info=_CONTEXT).derive(key)
        self._clients = {
            (tenant.key, client.name): _Client(
                client, _fingerprint(client, digests.get(tenant.credential_key(client.name)))
            )
            for tenant in tenants
            for client in tenant.oauth_clients
        }

    @staticmethod
    def is_one(token: bytes) -> bool:
        """Whether `token` claims to be one of ours."""
        return token.startswith(_PREFIX)

    def issue(self, tenant_key: str, client: OAuthClient, access: Access, now: datetime) -> str:
        """A token that is good for `LIFETIME_SECONDS`. `client` is one of the configuration's."""
        expires = int(now.timestamp()) + LIFETIME_SECONDS
        payload = orjson.dumps({"tenant": tenant_key, "client": client.name, "access": access, "exp": expires})
        code = self._code(payload, self._clients[tenant_key, client.name].fingerprint)
        return (_PREFIX + base64url.encode(payload) + b"." + base64url.encode(code)).decode("ascii")

    def verify(self, tenant_key: str, token: bytes, now: datetime) -> tuple[OAuthClient, Access] | OAuthClient | None:
        """The client, with what it may do: at most what its entry says now. The client alone where the token has
        expired; None where it isn't one of the tenant's."""
        encoded, _, encoded_code = token.removeprefix(_PREFIX).partition(b".")
        payload, code = base64url.decode(encoded) or b"", base64url.decode(encoded_code) or b""
        claimed = _parse(payload)
        client = self._clients.get((tenant_key, claimed.client)) if claimed.tenant == tenant_key else None
        expected = self._code(payload, client.fingerprint if client else _DECOY)
        if not hmac.compare_digest(expected, code) or client is None:
            return None
        if claimed.expires <= now.timestamp():
            return client.entry
        return client.entry, client.entry.access.within(claimed.access)

    def _code(self, payload: bytes, fingerprint: bytes) -> bytes:
        return hmac.digest(self._key, fingerprint + payload, "sha256")


@dataclass(frozen=True, slots=True)
class _Payload:
    tenant: str = ""
    client: str = ""
    access: Access = Access.SELF
    expires: int = 0


def _parse(payload: bytes) -> _Payload:
    """What the token says. Nothing of it is proven: it may be any JSON."""
    try:
        parsed = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return _Payload()
    match parsed:
        case {"tenant": str(tenant), "client": str(client), "access": str(access), "exp": int(expires)}:
            return _Payload(tenant, client, Access(access), expires) if access in list(Access) else _Payload()
    return _Payload()


def _fingerprint(client: OAuthClient, digest: str | None) -> bytes:
    """32 bytes that change with the client's secret or keys."""
    entry = client.model_dump_json(include={"client_id", "jwks_url", "jwks"})
    return hashlib.sha256(f"{digest or ''} {entry}".encode()).digest()
