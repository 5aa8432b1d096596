"""What is known of one request while it is answered."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.types import Scope

from scim_server.directory.caller import Caller

_KEY = "scim_server.exchange"


@dataclass(slots=True)
class Exchange:
    """Filled in as the request is understood: log line and metrics are made from it."""

    request_id: str
    method: str
    caller: Caller | None = None
    tenant: str = ""
    """Key of the authenticated tenant."""
    credential: str = ""
    """Name of the authenticated credential."""
    route: str = "unknown"
    """The template, such as `/Users/{id}`: ids stay out of metrics."""
    status: int = 0
    response_started: bool = False

    def attach(self, scope: Scope) -> None:
        scope[_KEY] = self


def exchange_of(request: Request) -> Exchange:
    exchange: Exchange = request.scope[_KEY]
    return exchange


def caller_of(request: Request) -> Caller:
    """The authenticated caller; the gate lets no request without one through to a route."""
    caller = exchange_of(request).caller
    assert caller is not None  # noqa: S101 - see above
    return caller
