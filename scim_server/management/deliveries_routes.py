"""/v1/tenants/{namespace}/{name}/deliveries: what became of each event at each webhook."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.exceptions import HTTPException

from scim_server.management.models import DeliveryLine, DeliveryPage, Replayed, ReplayRequest
from scim_server.management.problems import wrong_parameter
from scim_server.management.services import OF_A_TENANT, FromServer, TenantKey, require_token
from scim_server.storage.delivery_query import DeliveryPosition, DeliveryQuery, Replay
from scim_server.storage.records import DeliveryState
from scim_server.webhooks.replaying import NothingToReplay, replay

_MOST = 1000

router = APIRouter(
    prefix="/v1/tenants/{namespace}/{name}/deliveries",
    tags=["Deliveries"],
    dependencies=[Depends(require_token)],
    responses=OF_A_TENANT,
)


@router.get("", operation_id="getDeliveries", summary="Deliveries of events to webhooks, the newest first")
async def get_deliveries(
    tenant: TenantKey,
    server: FromServer,
    webhook: Annotated[str | None, Query(description="Its name")] = None,
    state: DeliveryState | None = None,
    event: Annotated[str | None, Query(description="Id of the event")] = None,
    user: Annotated[str | None, Query(description="Id of the user or group that the event is about")] = None,
    since: Annotated[datetime | None, Query(description="Of the event's time")] = None,
    until: Annotated[datetime | None, Query(description="Itself not included")] = None,
    after: Annotated[
        str | None, Query(description="`next` of the page before, asked for with the same filters")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=_MOST)] = 100,
) -> DeliveryPage:
    query = DeliveryQuery(webhook, state, event, user, _utc(since), _utc(until), _position(after))
    found = await server.storage.read(tenant, lambda reader: reader.deliveries(query, limit))
    return DeliveryPage(
        deliveries=tuple(DeliveryLine.model_validate(one.to_json()) for one in found),
        next=str(DeliveryPosition(found[-1].position, found[-1].webhook)) if len(found) == limit else None,
    )


@router.post("/replay", operation_id="replayDeliveries", summary="Deliver one event, or those of a time, once more")
async def replay_deliveries(tenant: TenantKey, server: FromServer, asked: ReplayRequest) -> Replayed:
    wanted = Replay(asked.event, _utc(asked.since), _utc(asked.until), asked.webhook)
    try:
        return Replayed(deliveries=await replay(server.storage, tenant, wanted))
    except NothingToReplay as nothing:
        raise HTTPException(404, str(nothing)) from None


def _position(after: str | None) -> DeliveryPosition | None:
    try:
        return None if after is None else DeliveryPosition.parse(after)
    except ValueError:
        raise wrong_parameter("after", "next of an earlier answer is expected") from None


def _utc(time: datetime | None) -> datetime | None:
    return time.replace(tzinfo=UTC) if time is not None and time.tzinfo is None else time
