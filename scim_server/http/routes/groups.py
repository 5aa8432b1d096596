"""/Groups and /Groups/{id} (RFC 7644 §3)."""

from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from scim_server.directory import groups
from scim_server.directory.caller import Caller
from scim_server.directory.directory import Directory
from scim_server.directory.group_documents import group_location, group_tag
from scim_server.directory.request_bodies import parse_group, parse_group_patch
from scim_server.http.bodies import Bodies
from scim_server.http.exchange import caller_of, exchange_of
from scim_server.http.large_answers import LargeAnswers
from scim_server.http.parameters import Parameters
from scim_server.http.responses import no_content
from scim_server.scim.versions import parse_if_match


class GroupRoutes:
    """PATCH is answered 204: that is what Entra ID and others expect, and members need not be read."""

    def __init__(self, directory: Directory, bodies: Bodies, answers: LargeAnswers) -> None:
        self._directory = directory
        self._bodies = bodies
        self._answers = answers

    async def create(self, request: Request) -> Response:
        caller = caller_of(request)
        projection = Parameters.of_url(request).projection(caller, caller.tenant.groups)
        async with self._bodies.read(request) as body:
            wanted = await body.parse(partial(parse_group, caller))
            exchange_of(request).resource_name = wanted.document.get("displayName")
            record = await groups.create_group(self._directory, caller, wanted)
        return self._answers.answer(partial(groups.show_group, self._directory, caller, record, projection), 201)

    async def query(self, request: Request) -> Response:
        return self._list(caller_of(request), Parameters.of_url(request))

    async def search(self, request: Request) -> Response:
        async with self._bodies.read(request) as body:
            return self._list(caller_of(request), await body.parse(Parameters.of_search))

    def _list(self, caller: Caller, parameters: Parameters) -> Response:
        wanted = parameters.list_request(caller, caller.tenant.groups)
        projection = parameters.projection(caller, caller.tenant.groups)
        return self._answers.answer(partial(groups.list_groups, self._directory, caller, wanted, projection))

    async def get(self, request: Request) -> Response:
        caller = caller_of(request)
        projection = Parameters.of_url(request).projection(caller, caller.tenant.groups)
        group_id = request.path_params["id"]
        return self._answers.answer(
            partial(groups.get_group, self._directory, caller, group_id, projection),
            if_none_match=request.headers.get("if-none-match"),
        )

    async def replace(self, request: Request) -> Response:
        caller = caller_of(request)
        projection = Parameters.of_url(request).projection(caller, caller.tenant.groups)
        group_id, expected = request.path_params["id"], parse_if_match(request.headers.get("if-match"))
        async with self._bodies.read(request) as body:
            wanted = await body.parse(partial(parse_group, caller))
            record = await groups.replace_group(self._directory, caller, group_id, wanted, expected)
        return self._answers.answer(partial(groups.show_group, self._directory, caller, record, projection))

    async def patch(self, request: Request) -> Response:
        caller = caller_of(request)
        parameters = Parameters.of_url(request)
        # A client that says what it wants to see must be shown it (RFC 7644 §3.5.2).
        projection = parameters.projection(caller, caller.tenant.groups) if parameters.names_attributes else None
        group_id, expected = request.path_params["id"], parse_if_match(request.headers.get("if-match"))
        async with self._bodies.read(request) as body:
            plan = await body.parse(partial(parse_group_patch, caller))
            record = await groups.patch_group(self._directory, caller, group_id, plan, expected)
        if projection is not None:
            return self._answers.answer(partial(groups.show_group, self._directory, caller, record, projection))
        return no_content({"Location": group_location(caller, record), "ETag": group_tag(record)})

    async def delete(self, request: Request) -> Response:
        expected = parse_if_match(request.headers.get("if-match"))
        await groups.delete_group(self._directory, caller_of(request), request.path_params["id"], expected)
        return no_content()
