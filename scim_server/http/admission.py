"""Who is let in: by path, credential, rate and access, before anything is routed.

The path is what uvicorn decoded, once, in its canonical form; authentication, routing and log all go by that same
text, so that no encoding can make one of them see another tenant than the others.
"""

import re
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from starlette.types import ASGIApp, Receive, Scope

from scim_server.auth.authenticator import Authenticator
from scim_server.auth.failures import Failure, Refused
from scim_server.auth.key_cache import KeyCache
from scim_server.auth.replay import ReplayGuard
from scim_server.config import Access, ConfigBundle, ConfigHolder
from scim_server.directory.caller import Caller
from scim_server.directory.tenant import ServedTenant, tenants_of
from scim_server.http.access import READING, refusal
from scim_server.http.addresses import canonical_path
from scim_server.http.exchange import Exchange
from scim_server.http.oauth import METADATA_PATH, TOKEN_PATH, metadata_response, method_not_allowed
from scim_server.http.protection import Protection
from scim_server.http.public_url import PublicUrl, names_host
from scim_server.http.responses import error_response, not_authenticated, too_often, unavailable
from scim_server.http.token_endpoint import TokenEndpoint
from scim_server.scim.errors import plain_error

_TENANT_PATH = re.compile(r"/([^/]+)/([^/]+)/scim/v2(?=/|$)")


@dataclass(frozen=True, slots=True)
class _Served:
    """What one configuration serves, to whom: replaced whole, so that a request sees nothing of another one."""

    authenticator: Authenticator
    tenants: Mapping[str, ServedTenant]


class Admission:
    """By the configuration that `holder` has."""

    def __init__(
        self,
        holder: ConfigHolder,
        public_url: PublicUrl,
        protection: Protection,
        key_cache: KeyCache,
        replay: ReplayGuard,
        clock: Callable[[], datetime],
    ) -> None:
        self._public_url = public_url
        self._protection = protection
        self._key_cache = key_cache
        self._replay = replay
        self._clock = clock
        self._token_endpoint = TokenEndpoint(public_url, protection, clock)
        self._served: _Served | None = None
        if holder.current is not None:
            self._use(holder.current)
        holder.subscribe(self._use)

    def _use(self, bundle: ConfigBundle) -> None:
        self._served = _Served(Authenticator(bundle, self._key_cache, self._replay), tenants_of(bundle))

    async def admit(
        self, scope: Scope, receive: Receive, headers: dict[bytes, bytes], exchange: Exchange
    ) -> ASGIApp | None:
        """None, with `scope` and `exchange` prepared for the routes, or the answer."""
        if not names_host(scope):
            return error_response(plain_error(400, "one header Host with the name of this server is expected"))
        served = self._served
        if served is None:
            return unavailable("the server has no configuration yet")
        path = scope["path"] = canonical_path(scope["path"])
        if base := _TENANT_PATH.match(path):
            return await self._admit_scim(served, base, scope, headers, exchange)
        if named := TOKEN_PATH.fullmatch(path):
            return await self._token_endpoint.answer(
                served.authenticator, _names(named), _authorization(scope), scope, receive, headers, exchange
            )
        if named := METADATA_PATH.fullmatch(path):
            exchange.route = "/.well-known/oauth-authorization-server"
            if exchange.method not in READING:
                return method_not_allowed("GET")
            return metadata_response(_names(named), self._public_url.of(scope, headers))
        return error_response(plain_error(404, "SCIM is served at /{namespace}/{name}/scim/v2"))

    async def _admit_scim(
        self,
        served: _Served,
        base: re.Match[str],
        scope: Scope,
        headers: dict[bytes, bytes],
        exchange: Exchange,
    ) -> ASGIApp | None:
        exchange.path = scope["path"].removeprefix(base.group())
        found = await served.authenticator.authenticate(*_names(base), _authorization(scope), self._clock())
        if isinstance(found, Refused):
            exchange.addressed, exchange.reason = found.tenant_key, found.reason
            if wait := self._protection.note_failure(scope, found.failure):
                return too_often(
                    "authentication failed too often from this address (limit failed_authentication)", wait
                )
            if found.failure is Failure.KEYS_UNAVAILABLE:
                return unavailable("the keys of the token's issuer can't be had now; try again")
            return not_authenticated()
        exchange.tenant, exchange.credential = found.tenant_key, found.credential
        user = found.user_name if found.access is Access.SELF else None
        if refused := self._protection.note_request(found.tenant_key, found.credential, user):
            return too_often(refused.reason, refused.wait_seconds)
        base_path = base.group()
        exchange.caller = Caller(
            served.tenants[found.tenant_key],
            found.credential,
            found.access,
            self._public_url.of(scope, headers) + base_path,
            found.user_name,
        )
        scope["root_path"] = base_path
        if reason := refusal(found.access, exchange.method, exchange.path):
            return error_response(plain_error(403, reason))
        return None


def _names(path: re.Match[str]) -> tuple[str, str]:
    return path[1], path[2]


def _authorization(scope: MutableMapping[str, Any]) -> bytes | None:
    """The header's value; None when it is missing or repeated."""
    values = [value for name, value in scope["headers"] if name == b"authorization"]
    return values[0] if len(values) == 1 else None
