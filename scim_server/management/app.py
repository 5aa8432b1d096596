"""The routes of the management port. Answers are JSON; errors are `{"reason": …}`."""

from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from scim_server.config import ConfigBundle, ConfigError, ConfigHolder
from scim_server.directory.rules_applier import RulesApplier
from scim_server.management.intake import Intake, Stale
from scim_server.management.status import Status
from scim_server.management.token_file import ManagementToken
from scim_server.metrics import Metrics
from scim_server.storage.errors import StorageUnavailable

_SETTLE_SECONDS = 5.0
"""How long a push waits for the roles of existing users, so that most pushes are answered with all done."""
_LARGEST_BUNDLE = 64 << 20

_Handler = Callable[[Request], Awaitable[Response]]


class Json(Response):
    media_type = "application/json"

    def __init__(self, document: Any, status: int = 200, headers: dict[str, str] | None = None) -> None:
        super().__init__(orjson.dumps(document), status, headers)


def create_management_app(
    holder: ConfigHolder,
    intake: Intake,
    applier: RulesApplier,
    status: Status,
    metrics: Metrics,
    token: ManagementToken,
) -> FastAPI:
    """`/v1/…` wants the management token; probes and metrics are open."""

    def authenticated(handler: _Handler) -> _Handler:
        async def guarded(request: Request) -> Response:
            if not token.accepts(request.headers.get("authorization")):
                return Json({"reason": "the management token is expected"}, 401, {"WWW-Authenticate": "Bearer"})
            return await handler(request)

        return guarded

    async def put_config(request: Request) -> Response:
        declared = request.headers.get("content-length", "")
        if not declared.isdecimal() or int(declared) > _LARGEST_BUNDLE:
            return Json({"reason": f"a Content-Length of at most {_LARGEST_BUNDLE} is expected"}, 413)
        try:
            bundle = ConfigBundle.decode(await request.body())
        except ConfigError as error:
            intake.refuse(error, "push")
            return Json({"revision": holder.revision, "reason": str(error)}, 422)
        try:
            outcome = await intake.offer(bundle, "push")
        except Stale as stale:
            return Json({"revision": holder.revision, "floor": stale.floor, "reason": stale.reason}, 409)
        except StorageUnavailable:
            reason = "the database, which knows the highest revision, doesn't answer"
            return Json({"revision": holder.revision, "reason": reason}, 503, {"Retry-After": "1"})
        settled = await applier.wait_settled(bundle.revision, _SETTLE_SECONDS)
        return Json(
            {
                "revision": holder.revision,
                "outcome": str(outcome),
                "settled": settled,
                "settledRevision": applier.settled_revision,
            }
        )

    async def get_config(_: Request) -> Response:
        if holder.current is None:
            return Json({"reason": "no configuration yet"}, 404)
        return Json(holder.current.config.model_dump(mode="json", exclude_none=True))

    async def config(request: Request) -> Response:
        return await (put_config if request.method == "PUT" else get_config)(request)

    async def get_status(_: Request) -> Response:
        return Json(await status.document())

    async def livez(_: Request) -> Response:
        return Json({"status": "ok"})

    async def readyz(_: Request) -> Response:
        missing = await status.ready()
        return Json({"status": "ok"}) if missing is None else Json({"reason": missing}, 503)

    async def metrics_text(_: Request) -> Response:
        await status.refresh_metrics()
        return Response(metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    async def http_error(_: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 - registered for nothing else
        return Json({"reason": error.detail}, error.status_code, dict(error.headers or {}))

    async def failure(_: Request, error: Exception) -> Response:
        return Json({"reason": f"the server failed: {type(error).__name__}; see its log"}, 500)

    app = FastAPI(title="scim-server management", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_route("/v1/config", authenticated(config), methods=["GET", "PUT"])
    app.add_route("/v1/status", authenticated(get_status), methods=["GET"])
    app.add_route("/livez", livez, methods=["GET"])
    app.add_route("/readyz", readyz, methods=["GET"])
    app.add_route("/metrics", metrics_text, methods=["GET"])
    app.add_exception_handler(HTTPException, http_error)
    app.add_exception_handler(Exception, failure)
    return app
