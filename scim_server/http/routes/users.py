"""/Users and /Users/{id} (RFC 7644 §3)."""

from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from scim_server.directory import users
from scim_server.directory.caller import Caller
from scim_server.directory.directory import Directory
from scim_server.directory.representation import Representation
from scim_server.directory.request_bodies import parse_user, parse_user_patch
from scim_server.http.bodies import Bodies
from scim_server.http.exchange import caller_of, exchange_of
from scim_server.http.large_answers import LargeAnswers
from scim_server.http.parameters import Parameters
from scim_server.http.responses import ScimResponse, no_content, not_modified
from scim_server.scim.versions import is_not_modified, parse_if_match


class UserRoutes:
    """Answers as identity providers need them: PATCH shows the user, DELETE nothing."""

    def __init__(self, directory: Directory, bodies: Bodies, answers: LargeAnswers) -> None:
        self._directory = directory
        self._bodies = bodies
        self._answers = answers

    async def create(self, request: Request) -> Response:
        caller = caller_of(request)
        projection = Parameters.of_url(request).projection(caller, caller.tenant.users)
        async with self._bodies.read(request) as body:
            document = await body.parse(partial(parse_user, caller))
            exchange_of(request).resource_name = document.get("userName")
            shown = await users.create_user(self._directory, caller, document, projection)
        return self._answer(shown, 201)

    async def query(self, request: Request) -> Response:
        return self._list(caller_of(request), Parameters.of_url(request))

    async def search(self, request: Request) -> Response:
        async with self._bodies.read(request) as body:
            return self._list(caller_of(request), await body.parse(Parameters.of_search))

    def _list(self, caller: Caller, parameters: Parameters) -> Response:
        wanted = parameters.list_request(caller, caller.users)
        projection = parameters.projection(caller, caller.tenant.users)
        return self._answers.answer(partial(users.list_users, self._directory, caller, wanted, projection))

    async def get(self, request: Request) -> Response:
        caller = caller_of(request)
        projection = Parameters.of_url(request).projection(caller, caller.tenant.users)
        shown = await users.get_user(self._directory, caller, await self._user_id(request), projection)
        if is_not_modified(request.headers.get("if-none-match"), shown.tag):
            return not_modified(self._headers(shown))
        return self._answer(shown)

    async def replace(self, request: Request) -> Response:
        caller = caller_of(request)
        projection = Parameters.of_url(request).projection(caller, caller.tenant.users)
        user_id = await self._user_id(request)
        expected = parse_if_match(request.headers.get("if-match"))
        async with self._bodies.read(request) as body:
            document = await body.parse(partial(parse_user, caller))
            shown = await users.replace_user(self._directory, caller, user_id, document, expected, projection)
        return self._answer(shown)

    async def patch(self, request: Request) -> Response:
        caller = caller_of(request)
        projection = Parameters.of_url(request).projection(caller, caller.tenant.users)
        user_id = await self._user_id(request)
        expected = parse_if_match(request.headers.get("if-match"))
        async with self._bodies.read(request) as body:
            operations = await body.parse(partial(parse_user_patch, caller))
            shown = await users.patch_user(self._directory, caller, user_id, operations, expected, projection)
        return self._answer(shown)

    async def delete(self, request: Request) -> Response:
        expected = parse_if_match(request.headers.get("if-match"))
        await users.delete_user(self._directory, caller_of(request), await self._user_id(request), expected)
        return no_content()

    async def _user_id(self, request: Request) -> str:
        """Of the user that the request is about."""
        user_id: str = request.path_params["id"]
        return user_id

    def _answer(self, shown: Representation, status: int = 200) -> Response:
        return self._answers.counted(ScimResponse(shown.resource, status, self._headers(shown)))

    def _headers(self, shown: Representation) -> dict[str, str]:
        return {"Location": shown.location, "ETag": shown.tag}
