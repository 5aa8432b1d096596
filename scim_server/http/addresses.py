"""Addresses as people type them into an identity provider: read once, into the one form that everything goes by.

Base URLs are given with a slash at their end (`…/v2//Users`) and endpoints in small letters. Authentication, limits,
authorisation, routing and log see the canonical path alone, so that no way of writing one gets by any of them.
"""

import re

from starlette.types import ASGIApp, Receive, Scope, Send

from scim_server.http.public_url import names_host
from scim_server.http.responses import error_response
from scim_server.scim.errors import plain_error

_ENDPOINTS = {
    name.lower(): name
    for name in (
        "Users",
        "Groups",
        "Roles",
        "Me",
        "Bulk",
        "ServiceProviderConfig",
        "Schemas",
        "ResourceTypes",
        "openapi.json",
        ".search",
    )
}

_CANONICAL = re.compile(r"/[^/]+/[^/]+/scim/v2/(?:Users|Groups)(?:/[^/.]+)?")
"""Most of those that providers ask for."""
_ROLE = re.compile(r"(?:/+[^/]+){4}/+roles/(.*[^/])/*", re.IGNORECASE | re.DOTALL)


class CanonicalAddresses:
    """Gives `app` requests that name one host and have a canonical path."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not names_host(scope):
            refused = error_response(plain_error(400, "one header Host with the name of this server is expected"))
            await refused(scope, receive, send)
            return
        scope["path"] = canonical_path(scope["path"])
        await self._app(scope, receive, send)


def canonical_path(path: str) -> str:
    """The path without empty segments, its fixed parts in the letters' case in which they are routed.

    `path` is decoded. Names of tenants and ids stay as they are, also the name of a role, which may be any text.
    """
    if _CANONICAL.fullmatch(path):
        return path
    segments = [segment for segment in path.split("/") if segment]
    if len(segments) > 3 and segments[2].lower() == "scim" and segments[3].lower() == "v2":
        segments[2:4] = "scim", "v2"
        if len(segments) > 4:
            segments[4] = _ENDPOINTS.get(segments[4].lower(), segments[4])
        if len(segments) > 5:
            if segments[5].lower() == ".search":
                segments[5] = ".search"
            elif role := _ROLE.fullmatch(path):
                segments[5:] = [role[1]]
    return "/" + "/".join(segments)
