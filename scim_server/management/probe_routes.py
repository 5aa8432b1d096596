"""Probes and metrics. They need no token and tell nothing secret."""

from fastapi import APIRouter, Response
from fastapi.responses import PlainTextResponse

from scim_server.management.models import Healthy, Problem
from scim_server.management.problems import Refused
from scim_server.management.services import FromServer

router = APIRouter(tags=["Probes and metrics"])


@router.head("/livez", include_in_schema=False)
@router.get("/livez", operation_id="getLivez", summary="Whether the process answers")
async def livez() -> Healthy:
    return Healthy()


@router.head("/readyz", include_in_schema=False)
@router.get(
    "/readyz",
    operation_id="getReadyz",
    summary="Whether SCIM requests can be served",
    responses={503: {"model": Problem, "description": "What is missing"}},
)
async def readyz(server: FromServer) -> Healthy:
    if missing := await server.status.ready():
        raise Refused(503, Problem(reason=missing))
    return Healthy()


@router.head("/metrics", include_in_schema=False)
@router.get("/metrics", operation_id="getMetrics", summary="Metrics for Prometheus", response_class=PlainTextResponse)
async def metrics(server: FromServer) -> Response:
    return Response(await server.metrics_text.current(), media_type="text/plain; version=0.0.4; charset=utf-8")
