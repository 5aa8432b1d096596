"""Requests at a tenant's token endpoint: of clients that have proven nothing yet."""

from collections.abc import Callable
from datetime import datetime

from starlette.types import ASGIApp, Receive, Scope

from scim_server.auth.authenticator import Authenticator
from scim_server.auth.failures import Failure
from scim_server.auth.token_grants import InvalidClient, OAuthError
from scim_server.http.exchange import Exchange
from scim_server.http.oauth import (
    granted_response,
    method_not_allowed,
    oauth_error_response,
    oauth_unavailable_response,
    read_token_request,
    too_often_response,
)
from scim_server.http.protection import Protection
from scim_server.http.public_url import PublicUrl
from scim_server.storage.errors import StorageUnavailable


class TokenEndpoint:
    """Of all tenants."""

    def __init__(self, public_url: PublicUrl, protection: Protection, clock: Callable[[], datetime]) -> None:
        self._public_url = public_url
        self._protection = protection
        self._clock = clock

    async def answer(
        self,
        authenticator: Authenticator,
        names: tuple[str, str],
        authorization: bytes | None,
        scope: Scope,
        receive: Receive,
        headers: dict[bytes, bytes],
        exchange: Exchange,
    ) -> ASGIApp:
        """`names`: namespace and name, as the path has them."""
        exchange.route = "/oauth/token"
        if exchange.method != "POST":
            return method_not_allowed("POST")
        address = self._protection.address_of(scope)
        if not self._protection.begin_token_request(address):
            return too_often_response(1)
        try:
            public_url = self._public_url.of(scope, headers)
            request = await read_token_request(scope, receive, names, authorization, public_url)
            granted = await authenticator.grant(request, self._clock())
        except InvalidClient as refused:
            exchange.addressed, exchange.reason = refused.why.tenant_key, refused.why.reason
            if wait := self._protection.note_failure(scope, refused.why.failure):
                return too_often_response(wait)
            if refused.why.failure is Failure.KEYS_UNAVAILABLE:
                return oauth_unavailable_response("The client's keys can't be had now: try again later.")
            return oauth_error_response(refused)
        except OAuthError as refused:
            exchange.reason = f"{refused.code}: {refused.description}"
            return oauth_error_response(refused)
        except StorageUnavailable:
            exchange.reason = "the database doesn't answer"
            return oauth_unavailable_response("The database doesn't answer: try again later.")
        finally:
            self._protection.end_token_request(address)
        exchange.tenant, exchange.credential = granted.tenant_key, granted.client
        if wait := self._protection.note_request(exchange.tenant):
            return too_often_response(wait)
        return granted_response(granted)
