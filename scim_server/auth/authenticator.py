"""Authenticates a request: what it presents is compared with every credential of the tenant that it addresses."""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from scim_server.auth.access_tokens import AccessTokens
from scim_server.auth.authorization import Basic, Bearer, parse_authorization
from scim_server.auth.digest_table import DigestTable
from scim_server.auth.failures import Failure, Refused
from scim_server.auth.jwt_issuers import JwtIssuers, RefusedJwt
from scim_server.auth.key_cache import KeyCache
from scim_server.auth.replay import ReplayGuard
from scim_server.auth.token_grants import Granted, TokenGrants, TokenRequest
from scim_server.config import Access, BasicCredential, BearerCredential, ConfigBundle, KeySource, SharedSecret


@dataclass(frozen=True, slots=True)
class Authenticated:
    """A request's credential, by its name, and what it may do."""

    tenant_key: str
    credential: str
    access: Access
    user_name: str | None = None
    """Of the user that the credential stands for. None where it stands for no user; empty where it should, but its
    token names none."""


@dataclass(frozen=True, slots=True)
class _SharedSecrets:
    bearer: DigestTable[BearerCredential]
    basic: DigestTable[BasicCredential]
    has_passwords: bool = False
    has_tokens: bool = False
    """Of any kind."""


class Authenticator:
    """The credentials of one configuration; a new one is made for each configuration.

    The answer and the work are the same for an unknown tenant, for a wrong credential, for an expired one and for
    one of another tenant: no client learns which tenants exist.
    """

    def __init__(self, bundle: ConfigBundle, key_cache: KeyCache, replay: ReplayGuard) -> None:
        tenants, digests = bundle.config.tenants, bundle.secrets.digests
        self._key = bytes.fromhex(bundle.secrets.token_key)
        self._shared_secrets = {
            tenant.key: _SharedSecrets(
                DigestTable((digests[tenant.credential_key(one.name)], one) for one in tenant.credentials),
                DigestTable((digests[tenant.credential_key(one.name)], one) for one in tenant.basic_credentials),
                bool(tenant.basic_credentials),
                len(tenant.all_credentials) > len(tenant.basic_credentials),
            )
            for tenant in tenants
        }
        self._no_secrets = _SharedSecrets(DigestTable(), DigestTable())
        sources: list[KeySource] = [one for tenant in tenants for one in tenant.jwt_issuers]
        sources += [one for tenant in tenants for one in tenant.oauth_clients]
        key_cache.retain({source.jwks_url for source in sources if source.jwks_url is not None})
        self._issuers = JwtIssuers(tenants, key_cache)
        self._tokens = AccessTokens(tenants, digests, self._key)
        self._grants = TokenGrants(tenants, digests, self._key, self._tokens, key_cache, replay)

    async def authenticate(
        self, namespace: str, name: str, authorization: bytes | None, now: datetime
    ) -> Authenticated | Refused:
        """The tenant and the credential that `Authorization` proves."""
        tenant_key = f"{namespace}/{name}"
        known = self._shared_secrets.get(tenant_key, self._no_secrets)
        found = await self._authenticate(tenant_key, known, authorization, now)
        if isinstance(found, Refused) and known is self._no_secrets:
            return Refused("", Failure.UNKNOWN_TENANT, "unknown tenant")
        return found

    async def grant(self, request: TokenRequest, now: datetime) -> Granted:
        """An access token for an OAuth client. Raises `OAuthError`."""
        return await self._grants.grant(request, now)

    async def _authenticate(
        self, tenant_key: str, known: _SharedSecrets, authorization: bytes | None, now: datetime
    ) -> Authenticated | Refused:
        match parse_authorization(authorization):
            case Bearer(token):
                return await self._by_token(tenant_key, known, token, now)
            case Basic(user, password):
                return self._by_password(tenant_key, known, user, password, now)
            case _ if authorization is None:
                reason = "no credential: the header Authorization is missing, or stands more than once"
            case _:
                reason = "the header Authorization is too long, or neither bearer nor basic"
        return Refused(tenant_key, Failure.NO_CREDENTIAL, reason)

    async def _by_token(
        self, tenant_key: str, known: _SharedSecrets, token: bytes, now: datetime
    ) -> Authenticated | Refused:
        if static := known.bearer.find(hmac.digest(self._key, token, "sha256")):
            return _strictest(tenant_key, static, now)
        if AccessTokens.is_one(token):
            match self._tokens.verify(tenant_key, token, now):
                case (client, access):
                    return Authenticated(tenant_key, client.name, access, client.user_name)
                case None:
                    reason = "unknown access token: forged, of another tenant, or of a client that has changed"
                    return Refused(tenant_key, Failure.UNKNOWN_CREDENTIAL, reason)
                case client:
                    return Refused(tenant_key, Failure.EXPIRED, f"expired access token of {client.name}", client.name)
        issued = await self._issuers.authenticate(tenant_key, token, now)
        if isinstance(issued, RefusedJwt):
            if token.count(b".") == 2:
                failure = Failure.KEYS_UNAVAILABLE if issued.keys_unavailable else Failure.JWT
                return Refused(tenant_key, failure, issued.reason, issued.credential)
            if not known.has_tokens:
                return Refused(tenant_key, Failure.WRONG_SCHEME, "bearer instead of basic")
            return Refused(tenant_key, Failure.UNKNOWN_CREDENTIAL, "unknown token")
        return Authenticated(tenant_key, issued.issuer.name, issued.issuer.access, issued.user_name)

    def _by_password(
        self, tenant_key: str, known: _SharedSecrets, user: bytes, password: bytes, now: datetime
    ) -> Authenticated | Refused:
        found = known.basic.find(hmac.digest(self._key, user + b"\0" + password, "sha256"))
        if found:
            return _strictest(tenant_key, found, now)
        if not known.has_passwords:
            return Refused(tenant_key, Failure.WRONG_SCHEME, "basic instead of bearer")
        return Refused(tenant_key, Failure.UNKNOWN_CREDENTIAL, "unknown user name or password")


def _strictest(tenant_key: str, found: Sequence[SharedSecret], now: datetime) -> Authenticated | Refused:
    """Of the credentials that one secret proves, one that has not expired: the one with the narrowest access."""
    usable = [one for one in found if not one.expired(now)]
    if not usable:
        names = ", ".join(one.name for one in found)
        return Refused(tenant_key, Failure.EXPIRED, f"expired credential {names}", names)
    chosen = max(usable, key=lambda one: one.access.narrowness)
    return Authenticated(tenant_key, chosen.name, chosen.access, chosen.user_name)
