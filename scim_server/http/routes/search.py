"""/.search at the root (RFC 7644 §3.4.3): users and groups together."""

from collections.abc import AsyncIterator
from dataclasses import replace

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from scim_server.directory.all_types import AllListed, list_all
from scim_server.directory.caller import Caller
from scim_server.directory.directory import Directory
from scim_server.directory.groups import group_pieces
from scim_server.directory.lists import ListRequest
from scim_server.http.bodies import read_object
from scim_server.http.exchange import caller_of
from scim_server.http.parameters import Parameters
from scim_server.http.responses import Streamed, send_pieces
from scim_server.scim.errors import InvalidFilter, InvalidPath, ScimError
from scim_server.scim.paging import envelope
from scim_server.scim.resource import Projection
from scim_server.storage.protocol import Reader


class SearchRoutes:
    def __init__(self, directory: Directory, body_limit: int) -> None:
        self._directory = directory
        self._body_limit = body_limit

    async def search(self, request: Request) -> Response:
        caller = caller_of(request)
        parameters = Parameters.of_search(await read_object(request, self._body_limit))
        requests = _requests(caller, parameters)
        users_shown = parameters.projection(caller, caller.tenant.users)
        groups_shown = parameters.projection(caller, caller.tenant.groups)

        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            async def work(reader: Reader) -> None:
                listed = await list_all(self._directory, caller, requests, users_shown, reader)
                pieces = _pieces(caller, reader, listed, groups_shown)
                await send_pieces(pieces, scope, receive, send, 200, {})

            await self._directory.read(caller, work, snapshot=groups_shown.includes("members"))

        return Streamed(answer)


def _requests(caller: Caller, parameters: Parameters) -> dict[str, ListRequest]:
    """The request as each type understands it. A type that lacks an attribute of the filter has no matches (RFC 7644
    §3.4.2.1); an attribute that no type has is an error."""
    requests: dict[str, ListRequest] = {}
    refused: ScimError | None = None
    for resource_type in (caller.tenant.users, caller.tenant.groups):
        try:
            request = parameters.list_request(resource_type)
        except (InvalidFilter, InvalidPath) as error:
            refused = refused or error
        else:
            requests[resource_type.name] = replace(request, identity=f"all types\0{request.identity}")
    if not requests and refused is not None:
        raise refused
    return requests


async def _pieces(
    caller: Caller, reader: Reader, listed: AllListed, groups_shown: Projection
) -> AsyncIterator[bytes]:
    items = len(listed.users.items) + len(listed.groups.items)
    head = envelope(items, listed.total, listed.start_index, listed.next_cursor)
    yield orjson.dumps(head)[:-1] + b',"Resources":['
    separator = b""
    for user in listed.users.items:
        yield separator + orjson.dumps(user, option=orjson.OPT_UTC_Z)
        separator = b","
    for group in listed.groups.items:
        yield separator
        separator = b","
        async for piece in group_pieces(caller, reader, group, groups_shown):
            yield piece
    yield b"]}"
