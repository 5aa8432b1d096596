"""What is known of one request while it is answered."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.types import Scope

from scim_server.directory.caller import Caller
from scim_server.scim.errors import ScimError

_KEY = "scim_server.exchange"
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

UNKNOWN_ROUTE = "unknown"
FEED_ROUTE = "/events"
"""Beside a tenant's SCIM endpoint, not within it."""

CLIENT_GONE = 499
"""The status, in log and metrics, of a request that nobody waited for: as nginx and Envoy write it."""

TRACE_ID = "scim_server.trace_id"
"""Where a scope has the id of the request's trace, if there is one."""


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
    addressed: str = ""
    """Key of the tenant that a request without a valid credential is for, where there is such a tenant."""
    is_for_feed: bool = False
    """Whether it is for the tenant's events rather than for SCIM."""
    refused_credential: str = ""
    """Name of that tenant's credential that the request shows, and that isn't valid any more."""
    resource_name: object = None
    """userName or displayName of what the request would make or replace. For the sync log alone."""
    path: str | None = None
    """That within a tenant's endpoint, `/Users/2819c223` say; None where it isn't within one. Never to be logged."""
    reason: str = ""
    """Why the request was refused, in words for the log: nothing of the request, and nothing personal."""
    scim_type: str | None = None
    attribute: str | None = None
    """The attribute, parameter or part of the body that is wrong."""
    route: str = UNKNOWN_ROUTE
    """The template, such as `/Users/{id}`: ids stay out of metrics."""
    status: int = 0
    response_started: bool = False
    trace_id: str | None = None

    @property
    def known_method(self) -> str:
        """`other` for what HTTP doesn't define: metrics and traces must not hold what strangers make up."""
        return self.method if self.method in _METHODS else "other"

    def note(self, error: ScimError) -> None:
        """The answer is this error."""
        self.reason = self.reason or error.reason
        self.scim_type, self.attribute = error.scim_type, error.attribute

    def attach(self, scope: Scope) -> None:
        scope[_KEY] = self


def exchange_in(scope: Scope) -> Exchange:
    exchange: Exchange = scope[_KEY]
    return exchange


def exchange_of(request: Request) -> Exchange:
    return exchange_in(request.scope)


def caller_of(request: Request) -> Caller:
    """The authenticated caller; `Admission` lets no request without one through to a route."""
    caller = exchange_of(request).caller
    assert caller is not None  # noqa: S101 - see above
    return caller
