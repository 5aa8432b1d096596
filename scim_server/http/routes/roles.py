"""/Roles and /Roles/{id}: the catalogue, as Okta discovers it. Read-only."""

from starlette.requests import Request
from starlette.responses import Response

from scim_server.directory.role_catalogue import get_role, list_roles
from scim_server.http.bodies import Bodies
from scim_server.http.exchange import caller_of
from scim_server.http.parameters import Parameters
from scim_server.http.responses import ScimResponse
from scim_server.scim.errors import InvalidCursor
from scim_server.scim.paging import list_response
from scim_server.scim.role_schema import ROLE_TYPE


class RoleRoutes:
    """Pages go by index alone: a catalogue is short."""

    def __init__(self, bodies: Bodies) -> None:
        self._bodies = bodies

    async def query(self, request: Request) -> Response:
        return self._list(request, Parameters.of_url(request))

    async def search(self, request: Request) -> Response:
        async with self._bodies.read(request) as body:
            return self._list(request, await body.parse(Parameters.of_search))

    async def get(self, request: Request) -> Response:
        caller = caller_of(request)
        role = get_role(caller, request.path_params["id"])
        projection = Parameters.of_url(request).projection(caller, ROLE_TYPE)
        return ScimResponse(projection.apply(role), 200, {"Location": role["meta"]["location"]})

    def _list(self, request: Request, parameters: Parameters) -> Response:
        caller = caller_of(request)
        wanted = parameters.list_request(caller, ROLE_TYPE)
        if wanted.page.cursor is not None:
            raise InvalidCursor("roles are paged by startIndex")
        projection = parameters.projection(caller, ROLE_TYPE)
        total, roles = list_roles(caller, wanted)
        shown = [projection.apply(role) for role in roles]
        return ScimResponse(list_response(shown, total, wanted.page.start_index))
