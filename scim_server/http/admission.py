"""Which requests reach a tenant's routes: by path, credential, rate and access, before anything is routed.

The path is what uvicorn decoded, once, in its canonical form; authentication, routing and log all go by that same
text, so that no encoding can make one of them see another tenant than the others.
"""

import re
from collections.abc import Callable
from datetime import datetime

from starlette.types import ASGIApp, Receive, Scope, Send

from scim_server.auth.failures import Failure, Refused
from scim_server.config import Access
from scim_server.directory.caller import Caller
from scim_server.http.access import feed_refusal, refusal
from scim_server.http.exchange import FEED_ROUTE, Exchange, exchange_in
from scim_server.http.headers import single_header
from scim_server.http.protection import Protection
from scim_server.http.public_url import PublicUrl
from scim_server.http.request_cause import request_cause
from scim_server.http.responses import error_response, not_authenticated, too_often, unavailable
from scim_server.http.served_config import Served, ServedConfig
from scim_server.scim.errors import plain_error

_TENANT_PATH = re.compile(r"/([^/]+)/([^/]+)/scim/v2(?=/|$)")
_FEED_PATH = re.compile(r"(/([^/]+)/([^/]+))/events")


class Admission:
    """Lets admitted requests through to `app`, whose root path is then the tenant's SCIM base path."""

    def __init__(
        self,
        app: ASGIApp,
        served: ServedConfig,
        public_url: PublicUrl,
        protection: Protection,
        clock: Callable[[], datetime],
    ) -> None:
        self._app = app
        self._served = served
        self._public_url = public_url
        self._protection = protection
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = exchange_in(scope)
        if refused := await self._admit(scope, exchange):
            await refused(scope, receive, send)
        elif self._protection.begin_request(exchange.tenant):
            try:
                await self._app(scope, receive, send)
            finally:
                self._protection.end_request(exchange.tenant)
        else:
            busy = too_often("too many requests of this tenant are under way (limit tenant_requests)", 1)
            await busy(scope, receive, send)

    async def _admit(self, scope: Scope, exchange: Exchange) -> ASGIApp | None:
        """None, with `scope` and `exchange` prepared for the routes, or the answer."""
        served = self._served.current
        if served is None:
            return unavailable("the server has no configuration yet")
        if feed := _FEED_PATH.fullmatch(scope["path"]):
            exchange.is_for_feed, exchange.route = True, FEED_ROUTE
            return await self._admit_to_tenant(served, (feed[2], feed[3]), feed[1], scope, exchange)
        base = _TENANT_PATH.match(scope["path"])
        if base is None:
            return error_response(
                plain_error(
                    404, "SCIM is served at /{namespace}/{name}/scim/v2, events at /{namespace}/{name}/events"
                )
            )
        exchange.path = scope["path"].removeprefix(base.group())
        return await self._admit_to_tenant(served, (base[1], base[2]), base.group(), scope, exchange)

    async def _admit_to_tenant(
        self, served: Served, names: tuple[str, str], base_path: str, scope: Scope, exchange: Exchange
    ) -> ASGIApp | None:
        authorization = single_header(scope, b"authorization")
        found = await served.authenticator.authenticate(*names, authorization, self._clock())
        if isinstance(found, Refused):
            exchange.addressed, exchange.reason = found.tenant_key, found.reason
            exchange.refused_credential = found.credential
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
        exchange.caller = Caller(
            served.tenants[found.tenant_key],
            found.credential,
            found.access,
            self._public_url.of(scope) + base_path,
            request_cause(exchange, scope),
            found.user_name,
        )
        scope["root_path"] = base_path
        if exchange.path is None:
            reason = feed_refusal(found.access)
        else:
            reason = refusal(found.access, exchange.method, exchange.path)
        return None if reason is None else error_response(plain_error(403, reason))
