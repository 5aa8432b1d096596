"""The token endpoint's decisions: OAuth 2.0 client credentials (RFC 6749 §4.4).

A client proves itself by its secret (`client_secret_basic`, `client_secret_post`) or by a signed assertion
(`private_key_jwt`), never by two of them at once.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import unquote_to_bytes

from scim_server.auth.access_tokens import LIFETIME_SECONDS, AccessTokens
from scim_server.auth.assertions import ASSERTION_TYPE, read_assertion, refusal
from scim_server.auth.authorization import Basic, parse_authorization
from scim_server.auth.digest_table import DigestTable
from scim_server.auth.failures import Failure, Refused
from scim_server.auth.key_cache import KeyCache
from scim_server.auth.replay import ReplayGuard
from scim_server.auth.scopes import SCOPES, granted_access
from scim_server.auth.verifier import Signature, Verifier
from scim_server.config import OAuthClient, Tenant


class OAuthError(Exception):
    """An error of RFC 6749 §5.2. `code` is the value of `error`."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(description)
        self.code = code
        self.description = description

    @property
    def status(self) -> int:
        return 401 if self.code == "invalid_client" else 400


class InvalidClient(OAuthError):
    """One answer for every reason: unknown tenant, unknown client, wrong proof. `why` is for the log."""

    def __init__(self, why: Refused) -> None:
        super().__init__("invalid_client", "The client could not be authenticated for this tenant.")
        self.why = why


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """What came to a tenant's token endpoint.

    `form`: the parameters, each given once. `audiences`: the URLs that an assertion may be made out to.
    """

    namespace: str
    name: str
    authorization: bytes | None = field(repr=False)
    form: Mapping[str, str] = field(repr=False)
    audiences: tuple[str, ...]

    @property
    def tenant_key(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Granted:
    tenant_key: str
    client: str
    """Name of the credential."""
    body: Mapping[str, object] = field(repr=False)
    """Of RFC 6749 §5.1."""


@dataclass(frozen=True, slots=True)
class _KeyClient:
    client: OAuthClient
    verifier: Verifier


class TokenGrants:
    """For the clients of one configuration. `digests` and `key`: as in `ServerSecrets`."""

    def __init__(
        self,
        tenants: tuple[Tenant, ...],
        digests: Mapping[str, str],
        key: bytes,
        tokens: AccessTokens,
        cache: KeyCache,
        replay: ReplayGuard,
    ) -> None:
        self._key = key
        self._tokens = tokens
        self._replay = replay
        self._secrets = {
            tenant.key: DigestTable(
                (digests[tenant.credential_key(client.name)], client)
                for client in tenant.oauth_clients
                if not client.has_keys
            )
            for tenant in tenants
        }
        self._no_secrets: DigestTable[OAuthClient] = DigestTable()
        self._with_keys = {
            (tenant.key, client.client_id): _KeyClient(client, Verifier(client, cache))
            for tenant in tenants
            for client in tenant.oauth_clients
            if client.has_keys
        }
        # By client id.
        self._of_any_tenant = {client_id: known.verifier for (_, client_id), known in self._with_keys.items()}
        self._without_keys = Verifier(None, cache)

    async def grant(self, request: TokenRequest, now: datetime) -> Granted:
        """Raises `OAuthError`. Errors other than `InvalidClient` depend on the request alone, not on the tenant."""
        grant_type = request.form.get("grant_type")
        if grant_type is None:
            raise OAuthError("invalid_request", "grant_type is expected: client_credentials")
        if grant_type != "client_credentials":
            raise OAuthError("unsupported_grant_type", "client_credentials is expected as grant_type")
        client = await self._client(request, now)
        if isinstance(client, Refused):
            if request.tenant_key not in self._secrets:
                client = Refused("", Failure.UNKNOWN_TENANT, "unknown tenant")
            raise InvalidClient(client)
        access = granted_access(request.form.get("scope"), client.access)
        body = {
            "access_token": self._tokens.issue(request.tenant_key, client, access, now),
            "token_type": "Bearer",
            "expires_in": LIFETIME_SECONDS,
            "scope": SCOPES[access],
        }
        return Granted(request.tenant_key, client.name, body)

    async def _client(self, request: TokenRequest, now: datetime) -> OAuthClient | Refused:
        form = request.form
        methods = [request.authorization is not None, "client_secret" in form, "client_assertion" in form]
        if sum(methods) > 1:
            raise OAuthError("invalid_request", "one way of client authentication is expected, not several")
        if "client_assertion" in form:
            return await self._by_assertion(request, now)
        if request.authorization is not None:
            return self._by_secret(request, *_basic_readings(request.authorization))
        if "client_secret" not in form:
            return Refused(request.tenant_key, Failure.NO_CREDENTIAL, "no credential")
        client_id, secret = form.get("client_id", ""), form["client_secret"]
        return self._by_secret(request, (client_id.encode(), secret.encode()))

    def _by_secret(self, request: TokenRequest, *readings: tuple[bytes, bytes]) -> OAuthClient | Refused:
        table = self._secrets.get(request.tenant_key, self._no_secrets)
        found: OAuthClient | None = None
        for client_id, secret in readings:
            digest = hmac.digest(self._key, client_id + b"\0" + secret, "sha256")
            found = next(iter(table.find(digest)), found)
        named = request.form.get("client_id")
        if found is not None and named in (None, found.client_id):
            return found
        reason = "unknown client, or the secret isn't the client's"
        return Refused(request.tenant_key, Failure.UNKNOWN_CREDENTIAL, reason)

    async def _by_assertion(self, request: TokenRequest, now: datetime) -> OAuthClient | Refused:
        if request.form.get("client_assertion_type") != ASSERTION_TYPE:
            raise OAuthError("invalid_request", f"client_assertion_type is expected: {ASSERTION_TYPE}")
        jwt = read_assertion(request.form["client_assertion"].encode())
        if jwt is None:
            reason = "the assertion's form, alg, typ or kid isn't one that is taken, or iss and sub aren't one client"
            return Refused(request.tenant_key, Failure.JWT, reason)
        client_id = jwt.text("sub") or ""
        known = self._with_keys.get((request.tenant_key, client_id))
        if known is None:
            # The work of an assertion by a client that exists, so that time doesn't tell which ones do.
            await self._of_any_tenant.get(client_id, self._without_keys).check(jwt)
            return Refused(request.tenant_key, Failure.JWT, "sub isn't a client of the tenant that signs")
        client, verifier = known.client, known.verifier
        if request.form.get("client_id") not in (None, client_id):
            await verifier.check(jwt)
            return Refused(request.tenant_key, Failure.JWT, f"{client.name}: client_id isn't sub")
        broken = await refusal(jwt, client, verifier, request.tenant_key, request.audiences, self._replay, now)
        if broken is None:
            return client
        failure = Failure.KEYS_UNAVAILABLE if broken is Signature.KEYS_UNAVAILABLE else Failure.JWT
        return Refused(request.tenant_key, failure, f"{client.name}: {broken}")


def _basic_readings(authorization: bytes) -> list[tuple[bytes, bytes]]:
    """Client id and secret, form-encoded as RFC 6749 §2.3.1 demands, and as they are, as many clients send them."""
    presented = parse_authorization(authorization)
    if not isinstance(presented, Basic):
        return [(b"", b"")]
    raw = (presented.user, presented.password)
    return [raw, (_form_decoded(raw[0]), _form_decoded(raw[1]))]


def _form_decoded(text: bytes) -> bytes:
    return unquote_to_bytes(text.replace(b"+", b" "))
