"""/Me (RFC 7644 §3.11): the user that the credential stands for."""

from starlette.requests import Request
from starlette.responses import Response

from scim_server.directory.me import own_user_id
from scim_server.directory.representation import Representation
from scim_server.http.exchange import caller_of
from scim_server.http.routes.users import UserRoutes
from scim_server.scim.errors import plain_error


class MeRoutes(UserRoutes):
    """As /Users/{id}, which is the address that answers give."""

    async def create(self, request: Request) -> Response:
        raise plain_error(501, "POST /Me isn't implemented: users come from the identity provider")

    async def _user_id(self, request: Request) -> str:
        return await own_user_id(self._directory, caller_of(request))

    def _headers(self, shown: Representation) -> dict[str, str]:
        return super()._headers(shown) | {"Content-Location": shown.location}
