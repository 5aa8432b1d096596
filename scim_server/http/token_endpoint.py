"""A tenant's OAuth token endpoint: requests of clients that have proven nothing yet."""

from collections.abc import Callable, Mapping
from datetime import datetime

from starlette.types import ASGIApp, Receive, Scope

from scim_server.auth.authenticator import Authenticator
from scim_server.auth.failures import Failure
from scim_server.auth.token_grants import InvalidClient, OAuthError
from scim_server.http.exchange import Exchange, exchange_in
from scim_server.http.headers import single_header
from scim_server.http.oauth import (
    CLOSE,
    granted_response,
    method_not_allowed,
    oauth_error_response,
    oauth_unavailable_response,
    read_token_request,
    too_often_response,
)
from scim_server.http.protection import Protection
from scim_server.http.public_url import PublicUrl
from scim_server.limits.slots import Displaced
from scim_server.storage.errors import StorageUnavailable


class TokenEndpoint:
    """Of all tenants."""

    def __init__(self, public_url: PublicUrl, protection: Protection, clock: Callable[[], datetime]) -> None:
        self._public_url = public_url
        self._protection = protection
        self._clock = clock

    async def answer(
        self, authenticator: Authenticator, names: tuple[str, str], scope: Scope, receive: Receive
    ) -> ASGIApp:
        """`names`: namespace and name, as the path has them."""
        exchange = exchange_in(scope)
        exchange.route = "/oauth/token"
        if exchange.method != "POST":
            return method_not_allowed("POST")
        with self._protection.token_requests.enter(self._protection.address_of(scope)) as slot:
            if slot is None:
                return self._too_many(exchange, None)
            try:
                authorization = single_header(scope, b"authorization")
                public_url = self._public_url.of(scope)
                request = await read_token_request(scope, receive, slot, names, authorization, public_url)
                granted = await authenticator.grant(request, self._clock())
            except Displaced:
                return self._too_many(exchange, CLOSE)
            except InvalidClient as refused:
                return self._not_authenticated(refused, scope, exchange)
            except OAuthError as refused:
                exchange.reason = f"{refused.code}: {refused.description}"
                return oauth_error_response(refused)
            except StorageUnavailable:
                exchange.reason = "the database doesn't answer"
                return oauth_unavailable_response("The database doesn't answer: try again later.")
        exchange.tenant, exchange.credential = granted.tenant_key, granted.client
        if refusal := self._protection.note_request(granted.tenant_key, granted.client, None):
            exchange.reason = refusal.reason
            return too_often_response(refusal.wait_seconds)
        return granted_response(granted)

    def _too_many(self, exchange: Exchange, headers: Mapping[str, str] | None) -> ASGIApp:
        self._protection.note_token_request_refused()
        exchange.reason = "too many token requests of this address wait for their bodies (limit token_requests)"
        return too_often_response(1, headers)

    def _not_authenticated(self, refused: InvalidClient, scope: Scope, exchange: Exchange) -> ASGIApp:
        exchange.addressed, exchange.reason = refused.why.tenant_key, refused.why.reason
        if wait := self._protection.note_failure(scope, refused.why.failure):
            return too_often_response(wait)
        if refused.why.failure is Failure.KEYS_UNAVAILABLE:
            return oauth_unavailable_response("The client's keys can't be had now: try again later.")
        return oauth_error_response(refused)
