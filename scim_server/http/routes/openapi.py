"""/openapi.json: this tenant's endpoint, for tools."""

import orjson
from starlette.requests import Request
from starlette.responses import Response

from scim_server.directory.tenant import ServedTenant
from scim_server.http.exchange import caller_of
from scim_server.http.openapi import document_of


async def show_openapi(request: Request) -> Response:
    caller = caller_of(request)
    return Response(_document(caller.tenant, caller.base_url), media_type="application/json")


def _document(tenant: ServedTenant, base_url: str) -> bytes:
    """Clients choose the base URL, by their `Host`."""
    known = tenant.caches.openapi.get(tenant.key, base_url)
    if known is None:
        known = orjson.dumps(document_of(tenant, base_url))
        tenant.caches.openapi.put(tenant.key, base_url, known, len(known) + 2 * len(base_url))
    return known
