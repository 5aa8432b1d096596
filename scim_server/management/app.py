"""The routes of the management port. Answers are JSON; errors are `{"reason": …}`."""

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from scim_server.config import ConfigBundle, ConfigError, ConfigHolder
from scim_server.directory.rules_applier import RulesApplier
from scim_server.management.answers import Json
from scim_server.management.gate import TokenGate
from scim_server.management.intake import Intake, Stale
from scim_server.management.metrics_text import MetricsText
from scim_server.management.status import Status
from scim_server.management.token_file import ManagementToken
from scim_server.metrics import Metrics
from scim_server.storage.errors import StorageUnavailable

_SETTLE_SECONDS = 5.0
"""How long a push waits for the roles of existing users, so that most pushes are answered with all done."""
_LARGEST_BUNDLE = 64 << 20
"""Bytes."""


def create_management_app(
    holder: ConfigHolder,
    intake: Intake,
    applier: RulesApplier,
    status: Status,
    metrics: Metrics,
    token: ManagementToken,
) -> FastAPI:
    """Everything but probes and metrics wants the management token."""

    async def put_config(request: Request) -> Response:
        body = await _read(request)
        if body is None:
            return Json({"reason": f"the body is larger than {_LARGEST_BUNDLE} bytes"}, 413)
        try:
            bundle = ConfigBundle.decode(body)
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

    scraped = MetricsText(metrics, status.refresh_metrics)

    async def metrics_text(_: Request) -> Response:
        return Response(await scraped.current(), media_type="text/plain; version=0.0.4; charset=utf-8")

    async def http_error(_: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 - registered for nothing else
        return Json({"reason": error.detail}, error.status_code, dict(error.headers or {}))

    async def client_gone(_: Request, __: Exception) -> Response:
        return Json({"reason": "the connection was closed before the body was complete"}, 400)

    async def failure(_: Request, error: Exception) -> Response:
        return Json({"reason": f"the server failed: {type(error).__name__}; see its log"}, 500)

    app = FastAPI(
        title="scim-server management",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.add_middleware(TokenGate, token=token)
    app.add_route("/v1/config", config, methods=["GET", "PUT"])
    app.add_route("/v1/status", get_status, methods=["GET"])
    app.add_route("/livez", livez, methods=["GET"])
    app.add_route("/readyz", readyz, methods=["GET"])
    app.add_route("/metrics", metrics_text, methods=["GET"])
    app.add_exception_handler(HTTPException, http_error)
    app.add_exception_handler(ClientDisconnect, client_gone)
    app.add_exception_handler(Exception, failure)
    return app


async def _read(request: Request) -> bytes | None:
    """The body, with or without a Content-Length; None when it is too large, which ends the reading."""
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > _LARGEST_BUNDLE:
        return None
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LARGEST_BUNDLE:
            return None
    return bytes(body)
