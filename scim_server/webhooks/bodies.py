"""What is sent of an event, in either format."""

from collections.abc import Mapping
from typing import Any

import orjson

from scim_server.config import WebhookFormat

_TYPE_PREFIX = "scim-operator."

CONTENT_TYPES: Mapping[WebhookFormat, str] = {
    WebhookFormat.STANDARD_WEBHOOKS: "application/json",
    WebhookFormat.CLOUD_EVENTS: "application/cloudevents+json; charset=utf-8",
}


def body_of(event: Mapping[str, Any], format_: WebhookFormat) -> bytes:
    """`event` is the JSON that the feed shows. The same event has the same body each time."""
    if format_ is WebhookFormat.STANDARD_WEBHOOKS:
        return orjson.dumps({"type": event["type"], "timestamp": event["time"], "data": event})
    # Seven attributes and the data: a library would add three packages and nothing else. The tests read it with one.
    return orjson.dumps(
        {
            "specversion": "1.0",
            "id": event["id"],
            "source": f"/{event['tenant']}",
            "type": _TYPE_PREFIX + event["type"],
            "time": event["time"],
            "datacontenttype": "application/json",
            "data": event,
        }
    )
