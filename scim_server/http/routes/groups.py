"""/Groups and /Groups/{id} (RFC 7644 §3). Groups with many members are streamed."""

from collections.abc import AsyncIterator

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from scim_server.directory import groups
from scim_server.directory.caller import Caller
from scim_server.directory.directory import Directory
from scim_server.directory.lists import Listed, list_page
from scim_server.http.bodies import read_object
from scim_server.http.exchange import caller_of
from scim_server.http.parameters import Parameters
from scim_server.http.responses import Streamed, no_content, send_pieces
from scim_server.scim.paging import envelope
from scim_server.scim.resource import Projection
from scim_server.scim.versions import etag, is_not_modified
from scim_server.storage.protocol import Reader
from scim_server.storage.records import GroupRecord


class GroupRoutes:
    """PATCH is answered 204: that is what Entra ID and others expect, and members need not be read."""

    def __init__(self, directory: Directory, body_limit: int) -> None:
        self._directory = directory
        self._body_limit = body_limit

    async def create(self, request: Request) -> Response:
        caller = caller_of(request)
        projection = Parameters.of_url(request).projection(caller, caller.tenant.groups)
        body = await read_object(request, self._body_limit)
        record = await groups.create_group(self._directory, caller, body)
        return self._show(caller, record, projection, 201)

    async def query(self, request: Request) -> Response:
        return self._list(caller_of(request), Parameters.of_url(request))

    async def search(self, request: Request) -> Response:
        body = await read_object(request, self._body_limit)
        return self._list(caller_of(request), Parameters.of_search(body))

    def _list(self, caller: Caller, parameters: Parameters) -> Response:
        wanted = parameters.list_request(caller.tenant.groups)
        projection = parameters.projection(caller, caller.tenant.groups)

        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            async def work(reader: Reader) -> None:
                listed = await list_page(self._directory, caller, caller.tenant.groups, wanted, reader, reader.groups)
                pieces = _list_pieces(caller, reader, listed, projection)
                await send_pieces(pieces, scope, receive, send, 200, {})

            await self._directory.read(caller, work, snapshot=projection.includes("members"))

        return Streamed(answer)

    async def get(self, request: Request) -> Response:
        caller = caller_of(request)
        projection = Parameters.of_url(request).projection(caller, caller.tenant.groups)
        if_none_match = request.headers.get("if-none-match")
        group_id = request.path_params["id"]

        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            async def work(reader: Reader) -> None:
                record = await groups.existing_group(reader, group_id)
                if is_not_modified(if_none_match, record.version):
                    unchanged = Response(status_code=304, headers={"ETag": etag(record.version)})
                    await unchanged(scope, receive, send)
                    return
                pieces = groups.group_pieces(caller, reader, record, projection)
                await send_pieces(pieces, scope, receive, send, 200, _headers(caller, record))

            await self._directory.read(caller, work, snapshot=projection.includes("members"))

        return Streamed(answer)

    async def replace(self, request: Request) -> Response:
        caller = caller_of(request)
        projection = Parameters.of_url(request).projection(caller, caller.tenant.groups)
        body = await read_object(request, self._body_limit)
        if_match = request.headers.get("if-match")
        record = await groups.replace_group(self._directory, caller, request.path_params["id"], body, if_match)
        return self._show(caller, record, projection, 200)

    async def patch(self, request: Request) -> Response:
        caller = caller_of(request)
        parameters = Parameters.of_url(request)
        body = await read_object(request, self._body_limit)
        if_match = request.headers.get("if-match")
        record = await groups.patch_group(self._directory, caller, request.path_params["id"], body, if_match)
        if parameters.names_attributes:
            # A client that says what it wants to see must be shown it (RFC 7644 §3.5.2).
            return self._show(caller, record, parameters.projection(caller, caller.tenant.groups), 200)
        return no_content(_headers(caller, record))

    async def delete(self, request: Request) -> Response:
        if_match = request.headers.get("if-match")
        await groups.delete_group(self._directory, caller_of(request), request.path_params["id"], if_match)
        return no_content()

    def _show(self, caller: Caller, record: GroupRecord, projection: Projection, status: int) -> Response:
        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            async def work(reader: Reader) -> None:
                pieces = groups.group_pieces(caller, reader, record, projection)
                await send_pieces(pieces, scope, receive, send, status, _headers(caller, record))

            await self._directory.read(caller, work)

        return Streamed(answer)


def _headers(caller: Caller, record: GroupRecord) -> dict[str, str]:
    return {"Location": groups.group_location(caller, record), "ETag": etag(record.version)}


async def _list_pieces(
    caller: Caller, reader: Reader, listed: Listed[GroupRecord], projection: Projection
) -> AsyncIterator[bytes]:
    head = envelope(len(listed.items), listed.total, listed.start_index, listed.next_cursor)
    yield orjson.dumps(head)[:-1] + b',"Resources":['
    for index, record in enumerate(listed.items):
        if index:
            yield b","
        async for piece in groups.group_pieces(caller, reader, record, projection):
            yield piece
    yield b"]}"
