"""provisioning.md, "Events for applications": what is sent, read with the libraries that receivers use."""

from datetime import UTC, datetime

import orjson
import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_http_event
from standardwebhooks import Webhook, WebhookVerificationError

from scim_server.config import WebhookFormat
from scim_server.provisioning.events import EventType
from scim_server.storage.tables.events import StoredEvent
from scim_server.webhooks.bodies import CONTENT_TYPES, body_of
from scim_server.webhooks.signing import Signer
from tests.support.receivers import KEY, OTHER_KEY

TENANT = "acme/okta"
EVENT = {
    "id": "0f4c6f2e-6f0f-4b61-a7f3-1df1b1a5d9c1",
    "sequence": 42,
    "type": "user.roles_changed",
    "time": "2026-11-28T12:00:00.000001Z",
    "tenant": TENANT,
    "user": {"id": "8d0b4a3e-4a8e-4df7-9d6d-0d7d6f5a7c11", "userName": "ümlaut@acme.com"},
    "added": [{"value": "admin", "reasons": []}],
    "removed": [],
}
STORED = StoredEvent(
    position=42,
    id="0f4c6f2e-6f0f-4b61-a7f3-1df1b1a5d9c1",
    type=EventType.USER_ROLES_CHANGED,
    time=datetime(2026, 11, 28, 12, 0, 0, 1, tzinfo=UTC),
    user_id="8d0b4a3e-4a8e-4df7-9d6d-0d7d6f5a7c11",
    group_id=None,
    payload=orjson.dumps({key: value for key, value in EVENT.items() if key not in ("id", "sequence")}).decode(),
)


def test_the_body_of_standard_webhooks() -> None:
    body = orjson.loads(body_of(TENANT, STORED, WebhookFormat.STANDARD_WEBHOOKS))
    assert body == {"type": "user.roles_changed", "timestamp": EVENT["time"], "data": EVENT}


def test_a_cloudevent_is_one_to_its_library() -> None:
    format_ = WebhookFormat.CLOUD_EVENTS
    message = HTTPMessage({"content-type": CONTENT_TYPES[format_]}, body_of(TENANT, STORED, format_))
    event = from_http_event(message)
    assert event.get_id() == EVENT["id"]
    assert event.get_source() == "/acme/okta"
    assert event.get_type() == "scim-operator.user.roles_changed"
    assert event.get_time() == STORED.time
    assert event.get_datacontenttype() == "application/json"
    assert event.get_data() == EVENT


@pytest.mark.parametrize("format_", WebhookFormat)
def test_receivers_with_the_old_and_the_new_key_verify(format_: WebhookFormat) -> None:
    """provisioning.md, "Events for applications": "signatures with overlapping key rotation"."""
    body = body_of(TENANT, STORED, format_)
    headers = dict(Signer([KEY, OTHER_KEY]).headers(str(EVENT["id"]), body, datetime.now(UTC)))
    assert headers["webhook-id"] == EVENT["id"]
    assert len(headers["webhook-signature"].split(" ")) == 2
    for key in (KEY, OTHER_KEY, f"whsec_{KEY}"):
        assert Webhook(key).verify(body, headers) == orjson.loads(body)
    third = "dGhpcmQta2V5LXRoYXQtd2FzLW5ldmVyLXVzZWQtMDAw"
    with pytest.raises(WebhookVerificationError):
        Webhook(third).verify(body, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(KEY).verify(body.replace(b"admin", b"owner"), headers)
