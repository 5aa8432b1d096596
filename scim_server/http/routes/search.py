"""/.search at the root (RFC 7644 §3.4.3): users and groups together."""

from dataclasses import replace
from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from scim_server.directory.all_types import search_all
from scim_server.directory.caller import Caller
from scim_server.directory.directory import Directory
from scim_server.directory.lists import ListRequest
from scim_server.http.bodies import Bodies
from scim_server.http.exchange import caller_of
from scim_server.http.large_answers import LargeAnswers
from scim_server.http.parameters import Parameters
from scim_server.scim.errors import InvalidFilter


class SearchRoutes:
    def __init__(self, directory: Directory, bodies: Bodies, answers: LargeAnswers) -> None:
        self._directory = directory
        self._bodies = bodies
        self._answers = answers

    async def search(self, request: Request) -> Response:
        caller = caller_of(request)
        async with self._bodies.read(request) as body:
            parameters = await body.parse(Parameters.of_search)
            requests = _requests(caller, parameters)
            users_shown = parameters.projection(caller, caller.tenant.users)
            groups_shown = parameters.projection(caller, caller.tenant.groups)
        return self._answers.answer(partial(search_all, self._directory, caller, requests, users_shown, groups_shown))


def _requests(caller: Caller, parameters: Parameters) -> dict[str, ListRequest]:
    """The request as each type understands it. A type that lacks an attribute of the filter has no matches (RFC 7644
    §3.4.2.1); an attribute that no type has is an error."""
    requests: dict[str, ListRequest] = {}
    refused: list[str] = []
    for resource_type in (caller.users, caller.tenant.groups):
        try:
            request = parameters.list_request(caller, resource_type)
        except InvalidFilter as error:
            refused.append(error.detail)
        else:
            requests[resource_type.name] = replace(request, identity=f"all types\0{request.identity}")
    if not requests:
        raise InvalidFilter("; ".join(dict.fromkeys(refused)))
    return requests
