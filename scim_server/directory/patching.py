"""Applies operations to documents: much work in a thread, so that everybody else is answered meanwhile."""

import asyncio
from collections.abc import Sequence

from scim_server.scim.patch import Operation, apply_to_document, is_costly
from scim_server.scim.schema import JsonObject, ResourceType


async def patched(
    document: JsonObject, operations: Sequence[Operation], resource_type: ResourceType, *, strict: bool
) -> JsonObject:
    """See `apply_to_document`."""
    if is_costly(document, operations):
        return await asyncio.to_thread(apply_to_document, document, operations, resource_type, strict=strict)
    return apply_to_document(document, operations, resource_type, strict=strict)
