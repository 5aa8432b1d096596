"""/v1/preview."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request

from scim_server.config import ConfigError, ServerConfig, config_of_json
from scim_server.directory.previews import preview
from scim_server.management.bodies import read_body
from scim_server.management.models import Problem
from scim_server.management.problems import Refused
from scim_server.management.services import NEEDS_TOKEN, FromServer, require_token
from scim_server.provisioning.preview import Preview

router = APIRouter(
    prefix="/v1/preview", tags=["Configuration"], dependencies=[Depends(require_token)], responses=NEEDS_TOKEN
)


async def _proposed(request: Request) -> ServerConfig:
    try:
        return config_of_json(await read_body(request), "body")
    except ConfigError as error:
        raise Refused(422, Problem(reason=str(error))) from None


@router.post(
    "",
    operation_id="previewConfig",
    summary="Who would gain and who would lose which role by a configuration",
    responses={
        413: {"model": Problem, "description": "The body is too large"},
        422: {"model": Problem, "description": "The configuration is not valid"},
    },
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/ServerConfig"}}},
        }
    },
)
async def preview_config(config: Annotated[ServerConfig, Depends(_proposed)], server: FromServer) -> Preview:
    """Compared with the roles that users have now. Nothing is changed."""
    return await preview(server.storage, config, server.clock())
