"""/v1/status."""

from fastapi import APIRouter, Depends

from scim_server.management.models import ServerStatus
from scim_server.management.services import NEEDS_TOKEN, FromServer, require_token

router = APIRouter(prefix="/v1/status", tags=["Status"], dependencies=[Depends(require_token)], responses=NEEDS_TOKEN)


@router.get("", operation_id="getStatus", summary="What this replica runs, and what its tenants hold")
async def get_status(server: FromServer) -> ServerStatus:
    return await server.status.current()
