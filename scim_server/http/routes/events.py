"""/events: the tenant's feed, for applications."""

import re

from starlette.requests import Request
from starlette.responses import Response

from scim_server.directory.feed import DEFAULT_LIMIT, LONGEST_WAIT_SECONDS, MOST_EVENTS, Feed, FeedPage
from scim_server.http.deadlines import allow_more_time
from scim_server.http.exchange import exchange_of
from scim_server.http.parameters import Parameters
from scim_server.http.protection import Protection
from scim_server.http.responses import too_often
from scim_server.scim.errors import InvalidValue

_NUMBER = re.compile(r"[0-9]{1,9}")


class EventRoutes:
    def __init__(self, feed: Feed, protection: Protection) -> None:
        self._feed = feed
        self._protection = protection

    async def follow(self, request: Request) -> Response:
        exchange = exchange_of(request)
        tenant, credential = exchange.tenant, exchange.credential
        parameters = Parameters.of_url(request)
        after = parameters.text("after")
        limit = _number(parameters, "limit", DEFAULT_LIMIT, 1, MOST_EVENTS)
        wait = _number(parameters, "wait", 0, 0, LONGEST_WAIT_SECONDS)
        if not wait:
            return _answer(await self._feed.page(tenant, credential, after, limit, 0))
        if not self._protection.begin_wait(tenant):
            return too_often("too many requests of this tenant wait for events (limit waiting_requests)", 1)
        try:
            allow_more_time(request.scope, wait)
            return _answer(await self._feed.page(tenant, credential, after, limit, wait))
        finally:
            self._protection.end_wait(tenant)


def _number(parameters: Parameters, name: str, default: int, least: int, most: int) -> int:
    text = parameters.text(name)
    if text is None:
        return default
    if not _NUMBER.fullmatch(text) or not least <= int(text) <= most:
        expected = f"a number from {least} to {most} is expected"
        raise InvalidValue(f"{name}: {expected}", attribute=name, reason=expected)
    return int(text)


def _answer(page: FeedPage) -> Response:
    return Response(page.to_json(), media_type="application/json", headers={"Cache-Control": "no-store"})
