"""/v1/config: the operator's push, and what runs."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request

from scim_server.config import ConfigBundle, ConfigError, ServerConfig
from scim_server.management.bodies import read_body
from scim_server.management.intake import Stale
from scim_server.management.models import ConfigProblem, Problem, PushedConfig, StaleConfig
from scim_server.management.problems import Refused
from scim_server.management.services import NEEDS_TOKEN, FromServer, require_token
from scim_server.storage.errors import StorageUnavailable

_APPLY_SECONDS = 5.0
"""How long a push waits for the roles of existing users, so that most pushes are answered with all done."""

router = APIRouter(
    prefix="/v1/config", tags=["Configuration"], dependencies=[Depends(require_token)], responses=NEEDS_TOKEN
)


async def _pushed_bundle(request: Request, server: FromServer) -> ConfigBundle:
    try:
        return ConfigBundle.decode(await read_body(request))
    except ConfigError as error:
        server.intake.refuse(error, "push")
        raise Refused(422, ConfigProblem(revision=server.holder.revision, reason=str(error))) from None


@router.put(
    "",
    operation_id="putConfig",
    summary="Run a configuration or a shard of it",
    responses={
        409: {"model": StaleConfig, "description": "A higher revision, or another content of this one, is in use"},
        413: {"model": Problem, "description": "The body is too large"},
        422: {"model": ConfigProblem, "description": "The configuration is not valid; what runs goes on"},
        503: {"model": ConfigProblem, "description": "The database, which knows the floor, does not answer"},
    },
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/ConfigBundle"}}},
        }
    },
)
async def put_config(bundle: Annotated[ConfigBundle, Depends(_pushed_bundle)], server: FromServer) -> PushedConfig:
    """One shard of the configuration, or the whole. A lower revision never replaces a higher one, and one that isn't
    valid never replaces one that is."""
    try:
        outcome = await server.intake.offer(bundle, "push")
    except Stale as stale:
        running = server.holder.revision_of(bundle.shard)
        refusal = StaleConfig(revision=running, floor=stale.floor, reason=stale.reason)
        raise Refused(409, refusal) from None
    except StorageUnavailable:
        reason = "the database, which knows the highest revision, doesn't answer"
        problem = ConfigProblem(revision=server.holder.revision_of(bundle.shard), reason=reason)
        raise Refused(503, problem, {"Retry-After": "1"}) from None
    # Before all shards are here nobody is served, and no roles are recomputed.
    seconds = _APPLY_SECONDS if server.holder.current is not None else 0.0
    applied = await server.applier.wait_applied(bundle.revision, seconds, bundle.shard)
    return PushedConfig(
        revision=server.holder.revision_of(bundle.shard),
        outcome=outcome,
        applied=applied,
        applied_revision=server.applier.applied_revision_of(bundle.shard),
    )


@router.get(
    "",
    operation_id="getConfig",
    summary="The configuration that runs, without its secrets",
    response_model=ServerConfig,
    response_model_exclude_none=True,
    responses={404: {"model": Problem, "description": "There is no configuration yet"}},
)
async def get_config(server: FromServer) -> ServerConfig:
    if server.holder.current is None:
        raise Refused(404, Problem(reason="no configuration yet"))
    return server.holder.current.config
