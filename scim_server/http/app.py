"""The public port's application: routes, and errors as SCIM bodies."""

import logging
from collections.abc import Awaitable, Callable
from functools import partial

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import Scope

from scim_server.auth.key_cache import KeyCache
from scim_server.auth.last_uses import LastUses
from scim_server.auth.replay import ReplayGuard
from scim_server.clock import Clock, utc_now
from scim_server.config import ConfigHolder
from scim_server.directory.directory import Directory
from scim_server.directory.feed import Feed
from scim_server.http.addresses import CanonicalAddresses
from scim_server.http.admission import Admission
from scim_server.http.bodies import Bodies, NoMemory
from scim_server.http.capturing import Capturing
from scim_server.http.codings import ACCEPTED_CODINGS, UnknownCoding
from scim_server.http.exchange import FEED_ROUTE, exchange_in, exchange_of
from scim_server.http.large_answers import LargeAnswers, NoSpace
from scim_server.http.oauth_endpoints import OAuthEndpoints
from scim_server.http.path_templates import PathTemplates
from scim_server.http.protection import Protection
from scim_server.http.public_url import PublicUrl
from scim_server.http.request_record import RecordedRequests
from scim_server.http.responses import error_response, unavailable
from scim_server.http.routes import discovery
from scim_server.http.routes.bulk import BulkRoutes
from scim_server.http.routes.events import EventRoutes
from scim_server.http.routes.groups import GroupRoutes
from scim_server.http.routes.me import MeRoutes
from scim_server.http.routes.openapi import show_openapi
from scim_server.http.routes.roles import RoleRoutes
from scim_server.http.routes.search import SearchRoutes
from scim_server.http.routes.users import UserRoutes
from scim_server.http.served_config import ServedConfig
from scim_server.http.token_endpoint import TokenEndpoint
from scim_server.http.unfinished_requests import UnfinishedRequests
from scim_server.metrics import Metrics
from scim_server.scim.errors import ScimError, plain_error
from scim_server.storage.errors import StorageUnavailable
from scim_server.storage.tables.captures import Capture
from scim_server.storage.tables.sync_log import LogLine

_log = logging.getLogger(__name__)

_Handler = Callable[[Request], Awaitable[Response]]


def create_scim_app(
    directory: Directory,
    feed: Feed,
    holder: ConfigHolder,
    public_url: PublicUrl,
    metrics: Metrics,
    protection: Protection,
    key_cache: KeyCache,
    replay: ReplayGuard,
    last_uses: LastUses,
    body_limit: int,
    refused: Callable[[str, LogLine], None] = lambda tenant, line: None,
    captured: Callable[[str, Capture], None] = lambda tenant, capture: None,
    written: Callable[[str, str], None] = lambda tenant, credential: None,
    clock: Clock = utc_now,
) -> FastAPI:
    """SCIM at `/{namespace}/{name}/scim/v2`. FastAPI routes; bodies never pass through pydantic.

    `refused` is called with the tenant and the sync log's line of each request, or operation of a bulk request, that
    was refused. `written` is called with the tenant and the credential after each request that may have changed
    something. `captured` is called with what a tenant's debug capture shows of each request.
    """
    app = FastAPI(
        title="scim-server",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        telemetry={
            "tracing": False,
            "metrics": False,
            "logs": False,
        },  # see RecordedRequests
    )
    served = ServedConfig(holder, key_cache, replay)
    bodies = Bodies(body_limit, protection.large_bodies)
    answers = LargeAnswers(protection.large_answers)
    users = UserRoutes(directory, bodies, answers)
    me = MeRoutes(directory, bodies, answers)
    groups = GroupRoutes(directory, bodies, answers)
    roles = RoleRoutes(bodies)
    _add(app, "/Users", GET=users.query, POST=users.create)
    _add(app, "/Users/.search", POST=users.search)
    _add(app, "/Users/{id}", GET=users.get, PUT=users.replace, PATCH=users.patch, DELETE=users.delete)
    _add(app, "/Groups", GET=groups.query, POST=groups.create)
    _add(app, "/Groups/.search", POST=groups.search)
    _add(app, "/Groups/{id}", GET=groups.get, PUT=groups.replace, PATCH=groups.patch, DELETE=groups.delete)
    _add(app, "/Roles", GET=roles.query)
    _add(app, "/Roles/.search", POST=roles.search)
    _add(app, "/Roles/{id:path}", GET=roles.get)
    _add(app, "/ServiceProviderConfig", GET=discovery.show_service_provider_config)
    _add(app, "/Schemas", GET=discovery.list_schemas)
    _add(app, "/Schemas/{id}", GET=discovery.get_schema)
    _add(app, "/ResourceTypes", GET=discovery.list_resource_types)
    _add(app, "/ResourceTypes/{id}", GET=discovery.get_resource_type)
    _add(app, "/openapi.json", GET=show_openapi)
    _add(app, "/Me", GET=me.get, POST=me.create, PUT=me.replace, PATCH=me.patch, DELETE=me.delete)
    app.router.routes.append(_FeedRoute(FEED_ROUTE, EventRoutes(feed, protection).follow, methods=["GET"]))
    _add(app, "/Bulk", POST=BulkRoutes(directory, bodies, refused, clock).run)
    _add(app, "/.search", POST=SearchRoutes(directory, bodies, answers).search)
    app.add_exception_handler(ScimError, _scim_error)
    app.add_exception_handler(StorageUnavailable, _storage_unavailable)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(UnknownCoding, _unknown_coding)
    app.add_exception_handler(NoMemory, partial(_no_memory, metrics))
    app.add_exception_handler(NoSpace, partial(_no_space, metrics))
    # A request passes these from the last to the first.
    token_endpoint = TokenEndpoint(public_url, protection, clock)
    app.add_middleware(Capturing, captured, clock)
    app.add_middleware(Admission, served, public_url, protection, clock)
    app.add_middleware(OAuthEndpoints, served, public_url, token_endpoint)
    app.add_middleware(CanonicalAddresses)
    app.add_middleware(UnfinishedRequests, protection.times, metrics)
    app.add_middleware(
        RecordedRequests, metrics, last_uses, PathTemplates(app.router.routes), refused, written, clock
    )
    return app


class _OnlyRoute(Route):
    """Of its path, whatever the method: else GET of `/Users/.search` would ask for the user with the id `.search`."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        match, child_scope = super().matches(scope)
        return Match.NONE if match is Match.NONE else Match.FULL, child_scope


class _FeedRoute(_OnlyRoute):
    """Not of a path of that name within the SCIM endpoint."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        return super().matches(scope) if exchange_in(scope).is_for_feed else (Match.NONE, {})


def _add(app: FastAPI, path: str, **handlers: _Handler) -> None:
    """One route for all methods of a path, so that `Allow` names them all."""

    async def endpoint(request: Request) -> Response:
        exchange = exchange_of(request)
        exchange.route = path
        # The web server leaves the body of HEAD out.
        return await handlers["GET" if exchange.method == "HEAD" else exchange.method](request)

    app.router.routes.append(_OnlyRoute(path, endpoint, methods=list(handlers)))


async def _scim_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, ScimError)  # noqa: S101 - registered for nothing else
    return error_response(error)


async def _storage_unavailable(request: Request, error: Exception) -> Response:
    # Only the type and what the database says of itself: see `StorageUnavailable`.
    _log.warning("%s", error, extra={"fields": {"requestId": exchange_of(request).request_id}})
    return unavailable("the database doesn't answer; nothing is lost, try again")


async def _unknown_coding(_: Request, error: Exception) -> Response:
    """RFC 9110 §12.5.3, §15.5.16."""
    detail = f"Content-Encoding: {ACCEPTED_CODINGS} or none is expected, not {str(error)[:80]!r}"
    return error_response(
        ScimError(415, detail, reason="an unknown Content-Encoding"), {"Accept-Encoding": ACCEPTED_CODINGS}
    )


async def _no_memory(metrics: Metrics, _: Request, __: Exception) -> Response:
    metrics.refused("large_bodies")
    return unavailable("there are too many large requests already; nothing was done, try again")


async def _no_space(metrics: Metrics, _: Request, __: Exception) -> Response:
    metrics.refused("large_answers")
    return unavailable("there are too many large answers already; try again")


async def _http_error(request: Request, error: Exception) -> Response:
    """The router's own errors: an unknown path, or a method that it doesn't take."""
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for nothing else
    methods = (error.headers or {}).get("Allow")
    if methods is None:
        return error_response(plain_error(error.status_code, "there is no such endpoint"))
    allowed = ", ".join(sorted(methods.split(", ")))  # the router has them in a set
    detail = f"{exchange_of(request).method} isn't a method of this endpoint, which has {allowed}"
    return error_response(
        ScimError(error.status_code, detail, reason=f"the endpoint has {allowed}"), {"Allow": allowed}
    )
