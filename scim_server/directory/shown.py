"""A resource as an answer shows it."""

from dataclasses import dataclass
from datetime import datetime

from scim_server.scim.schema import JsonObject
from scim_server.scim.versions import etag


@dataclass(frozen=True, slots=True)
class Shown:
    """`location` and `version` also when the client asked not to see `meta`. Times in it are `datetime`s."""

    resource: JsonObject
    location: str
    version: int


def location_of(base_url: str, endpoint: str, resource_id: str) -> str:
    return f"{base_url}{endpoint}/{resource_id}"


def meta_of(resource_type: str, created: datetime, modified: datetime, version: int, location: str) -> JsonObject:
    """RFC 7643 §3.1."""
    return {
        "resourceType": resource_type,
        "created": created,
        "lastModified": modified,
        "location": location,
        "version": etag(version),
    }
