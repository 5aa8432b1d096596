"""/v1/tenants/{namespace}/{name}/events: the tenant's events, for people."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response

from scim_server.directory.feed import DEFAULT_LIMIT, LONGEST_WAIT_SECONDS, MOST_EVENTS
from scim_server.management.models import EventPage, Problem
from scim_server.management.problems import Refused, wrong_parameter
from scim_server.management.services import OF_A_TENANT, FromServer, TenantKey, require_token
from scim_server.scim.errors import ScimError
from scim_server.storage.event_query import EventQuery, types_of

router = APIRouter(
    prefix="/v1/tenants/{namespace}/{name}/events",
    tags=["Events"],
    dependencies=[Depends(require_token)],
    responses=OF_A_TENANT | {410: {"model": Problem, "description": "Events after the token are kept no more"}},
)


@router.get(
    "", operation_id="getEvents", summary="What applications are told, the oldest first", response_model=EventPage
)
async def get_events(
    tenant: TenantKey,
    server: FromServer,
    user: Annotated[str | None, Query(description="Id, userName or externalId")] = None,
    type_: Annotated[
        Sequence[str], Query(alias="type", description="Such as `user.created` or `user.*`, any of them")
    ] = (),
    since: datetime | None = None,
    last: Annotated[int, Query(ge=0, description="Begin so many before the end; 0: with the first")] = 0,
    after: Annotated[
        str | None, Query(description="`next` of the page before, or `now`. `last` counts for nothing then")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=MOST_EVENTS)] = DEFAULT_LIMIT,
    wait: Annotated[
        int, Query(ge=0, le=LONGEST_WAIT_SECONDS, description="Seconds to wait for an event where there is none")
    ] = 0,
) -> Response:
    try:
        types = types_of(type_)
    except ValueError as error:
        raise wrong_parameter("type", str(error)) from None
    if since is not None and since.tzinfo is None:
        since = since.replace(tzinfo=UTC)
    try:
        page = await server.feed.find(tenant, EventQuery(user, types, since), after, limit, wait, last)
    except ScimError as error:
        raise Refused(error.status, Problem(reason=error.detail)) from None
    return Response(page.to_json(), media_type="application/json")
