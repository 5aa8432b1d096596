"""/v1/tenants/{namespace}/{name}/users/{user}/explanation."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from pydantic import AwareDatetime

from scim_server.directory.explanations import AmbiguousUser, UnknownUser, explain, explain_at
from scim_server.management.models import Problem
from scim_server.management.problems import Refused
from scim_server.management.services import NEEDS_TOKEN, FromServer, require_token
from scim_server.provisioning.explain import Explanation
from scim_server.storage.protocol import Reader

router = APIRouter(
    prefix="/v1/tenants/{namespace}/{name}",
    tags=["Users"],
    dependencies=[Depends(require_token)],
    responses=NEEDS_TOKEN,
)


@router.get(
    "/users/{user:path}/explanation",
    operation_id="explainUser",
    summary="Why a user has its state, roles and profile, and why it lacks others",
    responses={
        404: {"model": Problem, "description": "There is no such user, or nothing is recorded of it at that time"},
        409: {"model": Problem, "description": "Several users are called so"},
    },
)
async def explain_user(
    namespace: str,
    name: str,
    user: Annotated[str, Path(description="Its id, its userName (without case) or its externalId")],
    server: FromServer,
    at: Annotated[AwareDatetime | None, Query(description="State and roles as they were then")] = None,
) -> Explanation:
    async def read(reader: Reader) -> Explanation:
        return await (explain(reader, user, server.clock()) if at is None else explain_at(reader, user, at))

    try:
        return await server.storage.read(f"{namespace}/{name}", read, snapshot=True)
    except UnknownUser as error:
        raise Refused(404, Problem(reason=str(error))) from None
    except AmbiguousUser as error:
        raise Refused(409, Problem(reason=str(error))) from None
