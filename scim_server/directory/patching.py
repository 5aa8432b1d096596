"""Applies operations to documents: much work off the event loop, so that other requests are answered meanwhile."""

from collections.abc import Awaitable, Callable, Sequence

from scim_server.scim.patch import Operation, apply_to_document, is_costly
from scim_server.scim.schema import JsonObject, ResourceType


async def patched(
    compute: Callable[..., Awaitable[JsonObject]],
    document: JsonObject,
    operations: Sequence[Operation],
    resource_type: ResourceType,
    *,
    strict: bool,
) -> JsonObject:
    """See `apply_to_document`; `compute` is `Writer.compute`."""
    if is_costly(document, operations):
        return await compute(apply_to_document, document, operations, resource_type, strict=strict)
    return apply_to_document(document, operations, resource_type, strict=strict)
