"""/Bulk (RFC 7644 §3.7)."""

from starlette.requests import Request
from starlette.responses import Response

from scim_server.directory.bulk import run_bulk
from scim_server.directory.directory import Directory
from scim_server.http.bodies import Bodies
from scim_server.http.exchange import caller_of
from scim_server.http.responses import ScimResponse
from scim_server.scim.bulk import MAX_PAYLOAD_BYTES, bulk_response, parse_bulk


class BulkRoutes:
    def __init__(self, directory: Directory, bodies: Bodies) -> None:
        self._directory = directory
        self._bodies = bodies

    async def run(self, request: Request) -> Response:
        async with self._bodies.read(request, MAX_PAYLOAD_BYTES) as body:
            bulk = await body.parse(parse_bulk)
            results = await run_bulk(self._directory, caller_of(request), bulk)
        return ScimResponse(bulk_response(results))
