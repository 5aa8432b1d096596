"""What is sent of an event, in either format."""

from collections.abc import Mapping

import orjson

from scim_server.config import WebhookFormat
from scim_server.provisioning.events import with_identity
from scim_server.storage.tables.events import StoredEvent

_TYPE_PREFIX = "scim-operator."

CONTENT_TYPES: Mapping[WebhookFormat, str] = {
    WebhookFormat.STANDARD_WEBHOOKS: "application/json",
    WebhookFormat.CLOUD_EVENTS: "application/cloudevents+json; charset=utf-8",
}


def body_of(tenant: str, event: StoredEvent, format_: WebhookFormat) -> bytes:
    """The same event has the same body each time."""
    data = orjson.Fragment(with_identity(event.id, event.position, event.payload))
    if format_ is WebhookFormat.STANDARD_WEBHOOKS:
        fields: Mapping[str, object] = {"type": event.type, "timestamp": event.time, "data": data}
    else:
        # Seven attributes and the data: a library would add three packages and nothing else. The tests read it with
        # one.
        fields = {
            "specversion": "1.0",
            "id": event.id,
            "source": f"/{tenant}",
            "type": _TYPE_PREFIX + event.type,
            "time": event.time,
            "datacontenttype": "application/json",
            "data": data,
        }
    return orjson.dumps(fields, option=orjson.OPT_UTC_Z)
