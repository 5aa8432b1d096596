"""/openapi.json: this tenant's endpoint, for tools."""

from functools import lru_cache

import orjson
from starlette.requests import Request
from starlette.responses import Response

from scim_server.directory.tenant import ServedTenant
from scim_server.http.exchange import caller_of
from scim_server.http.openapi import document_of


async def show_openapi(request: Request) -> Response:
    caller = caller_of(request)
    return Response(_document(caller.tenant, caller.base_url), media_type="application/json")


@lru_cache(maxsize=64)
def _document(tenant: ServedTenant, base_url: str) -> bytes:
    """Each configuration has tenants of its own, so what was built for the last one isn't found for the next."""
    return orjson.dumps(document_of(tenant, base_url))
