"""/Bulk (RFC 7644 §3.7)."""

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response

from scim_server.clock import Clock
from scim_server.directory.bulk import run_bulk
from scim_server.directory.directory import Directory
from scim_server.http.bodies import Bodies
from scim_server.http.exchange import caller_of
from scim_server.http.refused_lines import refused_operation
from scim_server.http.responses import ScimResponse
from scim_server.scim.bulk import MAX_PAYLOAD_BYTES, bulk_response, parse_bulk
from scim_server.storage.tables.sync_log import LogLine


class BulkRoutes:
    """`refused` is called with the tenant and the sync log's line of each operation that fails."""

    def __init__(
        self, directory: Directory, bodies: Bodies, refused: Callable[[str, LogLine], None], clock: Clock
    ) -> None:
        self._directory = directory
        self._bodies = bodies
        self._refused = refused
        self._clock = clock

    async def run(self, request: Request) -> Response:
        caller = caller_of(request)
        async with self._bodies.read(request, MAX_PAYLOAD_BYTES) as body:
            bulk = await body.parse(parse_bulk)
            run = await run_bulk(self._directory, caller, bulk)
        for failure in run.failures:
            line = refused_operation(failure.request, failure.name, failure.error, self._clock())
            self._refused(caller.tenant.key, line)
        return ScimResponse(bulk_response(run.results))
