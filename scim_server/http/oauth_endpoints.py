"""The two OAuth addresses of a tenant, which lie beside its SCIM endpoint and need none of its credentials."""

from starlette.types import ASGIApp, Receive, Scope, Send

from scim_server.http.access import READING
from scim_server.http.exchange import exchange_in
from scim_server.http.oauth import METADATA_PATH, TOKEN_PATH, metadata_response, method_not_allowed
from scim_server.http.public_url import PublicUrl
from scim_server.http.responses import unavailable
from scim_server.http.served_config import ServedConfig
from scim_server.http.token_endpoint import TokenEndpoint


class OAuthEndpoints:
    """Answers at these addresses; every other request is for `app`."""

    def __init__(
        self, app: ASGIApp, served: ServedConfig, public_url: PublicUrl, token_endpoint: TokenEndpoint
    ) -> None:
        self._app = app
        self._served = served
        self._public_url = public_url
        self._token_endpoint = token_endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = await self._answer(scope, receive)
        await answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive) -> ASGIApp:
        token_path = TOKEN_PATH.fullmatch(scope["path"])
        metadata_path = METADATA_PATH.fullmatch(scope["path"])
        if token_path is None and metadata_path is None:
            return self._app
        served = self._served.current
        if served is None:
            return unavailable("the server has no configuration yet")
        if token_path is not None:
            names = token_path[1], token_path[2]
            return await self._token_endpoint.answer(served.authenticator, names, scope, receive)
        assert metadata_path is not None  # noqa: S101 - one of the two matches
        return self._metadata((metadata_path[1], metadata_path[2]), scope)

    def _metadata(self, names: tuple[str, str], scope: Scope) -> ASGIApp:
        exchange = exchange_in(scope)
        exchange.route = "/.well-known/oauth-authorization-server"
        if exchange.method not in READING:
            return method_not_allowed("GET")
        return metadata_response(names, self._public_url.of(scope))
