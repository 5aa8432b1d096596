"""What this server announces in /ServiceProviderConfig: only what works."""

from scim_server.directory.cursors import CURSOR_TIMEOUT_SECONDS
from scim_server.scim.bulk import MAX_OPERATIONS, MAX_PAYLOAD_BYTES
from scim_server.scim.discovery import Features

FEATURES = Features(
    max_results=1000,
    default_page_size=100,
    sort=True,
    etag=True,
    bulk=True,
    bulk_max_operations=MAX_OPERATIONS,
    bulk_max_payload_size=MAX_PAYLOAD_BYTES,
    cursor_pagination=True,
    cursor_timeout=CURSOR_TIMEOUT_SECONDS,
)
