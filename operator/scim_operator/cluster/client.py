"""What the operator asks of a cluster. Objects are plain JSON, as the API server writes them."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from scim_operator.api.keys import ObjectKey

JsonObject = dict[str, Any]


class ClusterClient(Protocol):
    """Reads see the latest state (no cache). Every method raises `ClusterError`."""

    async def get_config(self, key: ObjectKey) -> JsonObject | None:
        """A ProvisioningConfig; None when there is none, or when its namespace isn't served."""
        ...

    async def list_configs(self) -> Sequence[JsonObject]:
        """All ProvisioningConfigs of the served namespaces."""
        ...

    async def list_mappings(self, plural: str, config: ObjectKey) -> Sequence[JsonObject]:
        """Mappings of one kind whose `configRef` names `config`, as selected by the API server."""
        ...

    async def list_all_mappings(self, plural: str) -> Sequence[JsonObject]:
        """All mappings of one kind in the served namespaces."""
        ...

    async def get_secret(self, key: ObjectKey) -> JsonObject | None: ...

    async def get_config_map(self, key: ObjectKey) -> JsonObject | None: ...

    async def get_version(self, kind: str, key: ObjectKey) -> str | None:
        """The resourceVersion of a ConfigMap or Secret, without its content; None when there is none."""
        ...

    async def get_namespace_labels(self, name: str) -> Mapping[str, str] | None: ...

    async def apply(self, body: JsonObject) -> JsonObject:
        """Server-side apply of a ConfigMap or Secret with the operator's field manager: the whole intent. Returns the
        metadata of what is there then.

        With `metadata.resourceVersion` it is refused (`ClusterConflict`) when the object has changed since.
        """
        ...

    async def apply_status(self, plural: str, body: JsonObject) -> None:
        """Server-side apply of a custom resource's status, refused as in `apply` when the object has changed."""
        ...

    async def patch_status(self, plural: str, key: ObjectKey, uid: str, fields: JsonObject) -> None:
        """Replace some fields of a custom resource's status, or remove those that are None, whatever its other fields
        say by now. Refused (`ClusterConflict`) when it is another object than that with `uid`."""
        ...

    async def create_event(self, body: JsonObject) -> None: ...

    async def repeat_event(self, namespace: str, name: str, count: int, now: datetime) -> None:
        """Say that an Event has happened `count` times, the last time at `now`."""
        ...

    def watch_versions(self, kind: str, key: ObjectKey) -> AsyncIterator[str | None]:
        """The resourceVersion of a ConfigMap or Secret, None while there is none: now, and again whenever it changes.
        Never ends, never raises."""
        ...

    def watch_endpoint_slices(self, service: ObjectKey) -> AsyncIterator[Sequence[JsonObject]]:
        """All EndpointSlices of a Service: now, and again whenever one of them changes. Never ends, never raises."""
        ...
