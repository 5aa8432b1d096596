"""Who may come in at the management port: decided before anything is routed."""

from starlette.types import ASGIApp, Receive, Scope, Send

from scim_server.management.answers import Json
from scim_server.management.token_file import ManagementToken

_OPEN = frozenset({"/livez", "/readyz", "/metrics"})
"""Probes and scrapers have no token; these paths tell nothing secret."""


class TokenGate:
    """Wants the management token for every path but the open ones, whether there is something at it or not."""

    def __init__(self, app: ASGIApp, token: ManagementToken) -> None:
        self._app = app
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] not in _OPEN and not self._token.accepts(_authorization(scope)):
            refused = Json({"reason": "the management token is expected"}, 401, {"WWW-Authenticate": "Bearer"})
            await refused(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _authorization(scope: Scope) -> str | None:
    """The header's value; None when it is missing or repeated."""
    values = [value for name, value in scope["headers"] if name == b"authorization"]
    return values[0].decode("latin-1") if len(values) == 1 else None
