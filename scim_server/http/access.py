"""What a credential may do, decided before routing by the text that routes are found by."""

from scim_server.config import Access

READING = frozenset({"GET", "HEAD"})
_DISCOVERY = frozenset({"ServiceProviderConfig", "Schemas", "ResourceTypes", "openapi.json"})


def refusal(access: Access, method: str, path: str) -> str | None:
    """Why a request may not be made, None when it may. `path` is that within the tenant's endpoint, `/Users` say."""
    match access:
        case Access.PROVISION:
            return None
        case Access.READ:
            if method in READING or (method == "POST" and path.endswith("/.search")):
                return None
            return "this credential has access Read: it may only GET and search"
        case Access.SELF:
            first = path.removeprefix("/").partition("/")[0]
            if method in READING and (path == "/Me" or first in _DISCOVERY):
                return None
            return "this credential has access Self: it may only GET /Me and what describes the endpoint"


def feed_refusal(access: Access) -> str | None:
    """Why the tenant's events may not be followed, None when they may."""
    if access is Access.READ:
        return None
    return f"this credential has access {access}: events are for one of access {Access.READ}"
