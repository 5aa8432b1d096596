"""A resource as an answer shows it."""

from dataclasses import dataclass
from datetime import datetime

from scim_server.scim.schema import JsonObject


@dataclass(frozen=True, slots=True)
class Representation:
    """`location` and `tag`, its entity tag, also when the client asked not to see `meta`. Times are `datetime`s."""

    resource: JsonObject
    location: str
    tag: str


def location_of(base_url: str, endpoint: str, resource_id: str) -> str:
    return f"{base_url}{endpoint}/{resource_id}"


def meta_of(resource_type: str, created: datetime, modified: datetime, tag: str, location: str) -> JsonObject:
    """RFC 7643 §3.1."""
    return {
        "resourceType": resource_type,
        "created": created,
        "lastModified": modified,
        "location": location,
        "version": tag,
    }
