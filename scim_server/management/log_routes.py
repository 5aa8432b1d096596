"""/v1/tenants/{namespace}/{name}/log: the sync log."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query

from scim_server.management.models import CapturedRequests, SyncLogLine, SyncLogPage
from scim_server.management.problems import wrong_parameter
from scim_server.management.services import OF_A_TENANT, FromServer, TenantKey, require_token
from scim_server.storage.log_query import LogPosition, LogQuery, statuses_of
from scim_server.storage.protocol import Reader
from scim_server.storage.tables.sync_log import LogLine

_MOST = 1000

router = APIRouter(
    prefix="/v1/tenants/{namespace}/{name}/log",
    tags=["Sync log"],
    dependencies=[Depends(require_token)],
    responses=OF_A_TENANT,
)


@router.get("", operation_id="getLog", summary="Requests that wrote or tried to, the oldest first")
async def get_log(
    tenant: TenantKey,
    server: FromServer,
    user: Annotated[
        str | None, Query(description="Id, userName or externalId: also of requests that changed the user's roles")
    ] = None,
    group: Annotated[str | None, Query(description="Id or displayName")] = None,
    operation: Annotated[str | None, Query(description="A part of its words")] = None,
    outcome: Annotated[
        str | None, Query(description="`success`, `refused` (4xx), `error` (5xx), `failure` (both) or a status")
    ] = None,
    since: datetime | None = None,
    until: Annotated[datetime | None, Query(description="Itself not included")] = None,
    last: Annotated[int, Query(ge=0, description="Begin so many lines before the end; 0: with the first")] = 0,
    after: Annotated[
        str | None, Query(description="`next` of the page before, asked for with the same filters")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=_MOST)] = 100,
) -> SyncLogPage:
    if user is not None and group is not None:
        raise wrong_parameter("user", "one of user and group is expected")
    try:
        statuses_of(outcome)
    except ValueError as error:
        raise wrong_parameter("outcome", str(error)) from None
    query = LogQuery(_utc(since), _utc(until), user, group, operation, outcome)
    position = _position(after)

    async def read(reader: Reader) -> list[LogLine]:
        start = await reader.log_before_last(query, last) if last and position is None else position
        return [*await reader.log(query, start, limit)]

    lines = await server.storage.read(tenant, read)
    return SyncLogPage(
        lines=tuple(SyncLogLine.model_validate(line.to_json()) for line in lines),
        next=str(lines[-1].position) if len(lines) == limit else None,
    )


@router.get(
    "/captured", operation_id="getCaptured", summary="What the debug capture has: redacted requests, a day long"
)
async def get_captured(tenant: TenantKey, server: FromServer) -> CapturedRequests:
    found = await server.storage.read(tenant, lambda reader: reader.captures())
    return CapturedRequests(captured=tuple(one.to_json() for one in found))


def _utc(time: datetime | None) -> datetime | None:
    return time.replace(tzinfo=UTC) if time is not None and time.tzinfo is None else time


def _position(after: str | None) -> LogPosition | None:
    try:
        return None if after is None else LogPosition.parse(after)
    except ValueError:
        raise wrong_parameter("after", "next of an earlier answer is expected") from None
