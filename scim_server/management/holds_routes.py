"""/v1/tenants/{namespace}/{name}/holds: what guards hold."""

from fastapi import APIRouter, Depends

from scim_server.management.models import Hold, Holds
from scim_server.management.services import OF_A_TENANT, FromServer, TenantKey, require_token

router = APIRouter(
    prefix="/v1/tenants/{namespace}/{name}/holds",
    tags=["Holds"],
    dependencies=[Depends(require_token)],
    responses=OF_A_TENANT,
)


@router.get("", operation_id="getHolds", summary="Effects that wait for a decision, of this moment")
async def get_holds(tenant: TenantKey, server: FromServer) -> Holds:
    found = await server.storage.read(tenant, lambda reader: reader.holds())
    return Holds(holds=tuple(Hold.model_validate(each.to_json()) for each in found))
