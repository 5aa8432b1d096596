"""Answers that a server gives at its management port."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import aiohttp
import orjson

from scim_operator.connection_errors import connection_error
from scim_operator.delivery.authorities import Authorities
from scim_operator.delivery.management import ManagementError, ManagementToken
from scim_operator.inspect.errors import InspectionError, NothingFound
from scim_operator.inspect.source import Answer, EventsFound
from scim_server.config import ServerConfig, config_to_json
from scim_server.storage.delivery_query import DeliveryQuery, Replay
from scim_server.storage.event_query import EventQuery
from scim_server.storage.log_query import LogQuery

_LINES_AT_ONCE = 1000
_EVENTS_AT_ONCE = 1000
_WAIT_SECONDS = 60
_LIMITS = aiohttp.ClientTimeout(total=120, sock_connect=5)


class ServerSource:
    """`source.Source` over HTTP. `url` has no slash at its end. `tls_name` is what the server's certificate has to be
    for; None: the host of `url`."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        url: str,
        token: ManagementToken,
        authorities: Authorities | None,
        tls_name: str | None,
    ) -> None:
        self._session = session
        self._url = url
        self._token = token
        self._authorities = authorities
        self._tls_name = tls_name

    async def tenants(self) -> Sequence[str]:
        return sorted((await self._call("GET", "/v1/status"))["tenants"])

    async def holds(self, tenant: str) -> Answer:
        return await self._call("GET", f"/v1/tenants/{tenant}/holds")

    async def events(
        self, tenant: str, query: EventQuery, after: str | None = None, last: int = 0, *, follow: bool = False
    ) -> AsyncIterator[EventsFound]:
        parameters: list[tuple[str, str | int]] = [("type", type_) for type_ in query.types]
        parameters += [("limit", _EVENTS_AT_ONCE), ("wait", _WAIT_SECONDS if follow else 0), ("last", last)]
        parameters += [] if query.user is None else [("user", query.user)]
        parameters += [] if query.since is None else [("since", query.since.isoformat())]
        while True:
            token: list[tuple[str, str | int]] = [] if after is None else [("after", after)]
            page = await self._call("GET", f"/v1/tenants/{tenant}/events", [*parameters, *token])
            yield EventsFound(page["events"], page["next"])
            if not follow and len(page["events"]) < _EVENTS_AT_ONCE:
                return
            after = page["next"]

    async def deliveries(self, tenant: str, query: DeliveryQuery, limit: int) -> Sequence[Answer]:
        asked = {
            "webhook": query.webhook,
            "state": query.state,
            "event": query.event,
            "user": query.user,
            "since": _text(query.since),
            "until": _text(query.until),
        }
        parameters: dict[str, str | int] = {name: value for name, value in asked.items() if value is not None}
        found: list[Answer] = []
        while True:
            parameters["limit"] = min(_LINES_AT_ONCE, limit - len(found))
            page = await self._call("GET", f"/v1/tenants/{tenant}/deliveries", parameters)
            found += page["deliveries"]
            if len(found) >= limit or page.get("next") is None:
                return found
            parameters["after"] = page["next"]

    async def replay(self, tenant: str, asked: Replay) -> int:
        fields = {"event": asked.event, "since": _text(asked.since), "until": _text(asked.until)}
        body = orjson.dumps(fields | {"webhook": asked.webhook})
        number: int = (await self._call("POST", f"/v1/tenants/{tenant}/deliveries/replay", None, body))["deliveries"]
        return number

    async def log(self, tenant: str, query: LogQuery, last: int = 0) -> AsyncIterator[Answer]:
        asked = {
            "user": query.user,
            "group": query.group,
            "operation": query.operation,
            "outcome": query.outcome,
            "since": query.since.isoformat() if query.since is not None else None,
            "until": query.until.isoformat() if query.until is not None else None,
        }
        parameters: dict[str, str | int] = {name: value for name, value in asked.items() if value is not None}
        parameters |= {"last": last, "limit": _LINES_AT_ONCE}
        while True:
            page = await self._call("GET", f"/v1/tenants/{tenant}/log", parameters)
            for line in page["lines"]:
                yield line
            if page.get("next") is None:
                return
            parameters["after"] = page["next"]

    async def explanation(self, tenant: str, user: str, at: datetime | None) -> Answer:
        path = f"/v1/tenants/{tenant}/users/{quote(user, safe='')}/explanation"
        try:
            return await self._call("GET", path, None if at is None else {"at": at.isoformat()})
        except _Missing as missing:
            raise NothingFound(str(missing)) from None

    async def preview(self, config: ServerConfig) -> Answer:
        return await self._call("POST", "/v1/preview", body=config_to_json(config))

    async def captured(self, tenant: str) -> Sequence[Answer]:
        found: Sequence[Answer] = (await self._call("GET", f"/v1/tenants/{tenant}/log/captured"))["captured"]
        return found

    async def _call(
        self,
        method: str,
        path: str,
        parameters: Mapping[str, str | int] | Sequence[tuple[str, str | int]] | None = None,
        body: bytes | None = None,
    ) -> dict[str, Any]:
        """The JSON object that the server answers."""
        try:
            headers = {"Authorization": f"Bearer {self._token.read()}", "Content-Type": "application/json"}
            async with self._session.request(
                method,
                self._url + path,
                params=parameters,
                data=body,
                headers=headers,
                timeout=_LIMITS,
                allow_redirects=False,
                ssl=True if self._authorities is None else self._authorities.context(),
                server_hostname=self._tls_name,
            ) as response:
                status, content = response.status, await response.read()
        except ManagementError as error:
            raise InspectionError(str(error)) from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise InspectionError(f"{self._url}: {connection_error(error)}") from None
        try:
            answer = orjson.loads(content)
        except orjson.JSONDecodeError:
            answer = None
        if not isinstance(answer, dict) or (status >= 400 and "reason" not in answer):
            raise InspectionError(f"{self._url}{path}: answered {status}, not as a management port")
        if status == HTTPStatus.NOT_FOUND:
            raise _Missing(str(answer["reason"])[:500])
        if status >= HTTPStatus.BAD_REQUEST:
            raise InspectionError(f"{self._url}{path}: {str(answer['reason'])[:500]}")
        return answer


class _Missing(InspectionError):
    """The server says that there is no such thing."""


def _text(time: datetime | None) -> str | None:
    return None if time is None else time.isoformat()


@asynccontextmanager
async def server_source(
    url: str, token: ManagementToken, authorities: Authorities | None, tls_name: str | None
) -> AsyncIterator[ServerSource]:
    async with aiohttp.ClientSession(headers={"User-Agent": "scim-operator"}) as session:
        yield ServerSource(session, url, token, authorities, tls_name)
