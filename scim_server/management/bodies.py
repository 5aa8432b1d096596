"""Bodies of requests."""

from fastapi import Request

from scim_server.management.models import Problem
from scim_server.management.problems import Refused

_LARGEST_BODY = 64 << 20
"""Bytes."""


async def read_body(request: Request) -> bytes:
    """With or without a Content-Length. FastAPI's own reading has no limit."""
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > _LARGEST_BODY:
        raise _too_large()
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LARGEST_BODY:
            raise _too_large()
    return bytes(body)


def _too_large() -> Refused:
    return Refused(413, Problem(reason=f"the body is larger than {_LARGEST_BODY} bytes"))
