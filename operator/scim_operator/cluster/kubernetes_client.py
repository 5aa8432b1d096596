"""`ClusterClient` over `kubernetes.aio`: one shared client, JSON in and out, a time-out on every request."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Any, Self
from urllib.parse import quote

import aiohttp
from kubernetes.aio.client import ApiClient

from scim_operator.api.constants import GROUP, PLURALS, PROVISIONING_CONFIG, VERSION
from scim_operator.api.keys import ObjectKey
from scim_operator.cluster.client import JsonObject
from scim_operator.cluster.connection import ClusterLogin
from scim_operator.cluster.errors import (
    ClusterConflict,
    ClusterError,
    ClusterNotFound,
    ClusterRefused,
    ClusterUnauthorized,
    ClusterUnavailable,
    cluster_error,
)
from scim_operator.cluster.events import micro_time
from scim_operator.cluster.failures import not_permitted, unanswered

FIELD_MANAGER = "scim-operator"

_APPLY = "application/apply-patch+yaml"
_JSON = "application/json"
_MERGE = "application/merge-patch+json"
_JSON_PATCH = "application/json-patch+json"
# Metadata without content, of an object, or of each object of a list.
_METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
_METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
_PAGE = 500
_REQUEST = aiohttp.ClientTimeout(total=20, sock_connect=5)
_WATCH_SECONDS = 240
# Longer than the server's own limit: it ends the watch, unless the connection is dead.
_WATCH = aiohttp.ClientTimeout(total=_WATCH_SECONDS + 30, sock_connect=5, sock_read=_WATCH_SECONDS + 20)
_WATCH_PAUSE_SECONDS = 1.0
_KINDS_PAUSE_SECONDS = 3.0

_PATHS = {
    "ConfigMap": ("/api/v1", "configmaps"),
    "Secret": ("/api/v1", "secrets"),
}

log = logging.getLogger(__name__)


class KubernetesClient:
    """Serves all namespaces, or only `namespaces`. Use as an async context manager."""

    def __init__(self, login: ClusterLogin, namespaces: Sequence[str] | None = None) -> None:
        self._login = login
        self._namespaces = None if namespaces is None else tuple(namespaces)
        self._clients: list[Any] = []
        self._login_lock = asyncio.Lock()

    async def __aenter__(self) -> Self:
        self._clients = [ApiClient(await self._login.configuration())]
        return self

    async def __aexit__(self, *_: object) -> None:
        for client in self._clients:
            await client.close()

    async def wait_for_kinds(self) -> None:
        """Return when the API server answers and serves all of the operator's kinds (their CRDs are installed)."""
        while True:
            try:
                missing = await self._missing_kinds()
                if not missing:
                    return
                log.warning("waiting for the CustomResourceDefinitions of %s", ", ".join(missing))
            except ClusterUnavailable as error:
                log.warning("waiting for the API server: %s", error)
            await asyncio.sleep(_KINDS_PAUSE_SECONDS)

    async def _missing_kinds(self) -> Sequence[str]:
        try:
            served = await self._json("GET", f"/apis/{GROUP}/{VERSION}")
        except ClusterNotFound:
            served = {"resources": []}
        plurals = {resource["name"] for resource in served["resources"]}
        return [plural for plural in PLURALS.values() if plural not in plurals]

    async def get_config(self, key: ObjectKey) -> JsonObject | None:
        if self._namespaces is not None and key.namespace not in self._namespaces:
            return None
        return await self._get(f"/apis/{GROUP}/{VERSION}", PLURALS[PROVISIONING_CONFIG], key)

    async def list_configs(self) -> Sequence[JsonObject]:
        return await self._list_everywhere(PLURALS[PROVISIONING_CONFIG], {})

    async def list_mappings(self, plural: str, config: ObjectKey) -> Sequence[JsonObject]:
        """Those that give the config's namespace, and those in it that give none: an absent field is selected as
        an empty one."""
        name = f"spec.configRef.name={config.name},spec.configRef.namespace="
        served = self._namespaces is None or config.namespace in self._namespaces
        own = f"/apis/{GROUP}/{VERSION}/namespaces/{quote(config.namespace)}/{plural}"
        named, unnamed = await asyncio.gather(
            self._list_everywhere(plural, {"fieldSelector": name + config.namespace}),
            self._list(own, {"fieldSelector": name}) if served else _nothing(),
        )
        return [*named, *unnamed]

    async def list_all_mappings(self, plural: str) -> Sequence[JsonObject]:
        return await self._list_everywhere(plural, {})

    async def get_secret(self, key: ObjectKey) -> JsonObject | None:
        return await self._get("/api/v1", "secrets", key)

    async def get_config_map(self, key: ObjectKey) -> JsonObject | None:
        return await self._get("/api/v1", "configmaps", key)

    async def get_version(self, kind: str, key: ObjectKey) -> str | None:
        prefix, plural = _PATHS[kind]
        found = await self._get(prefix, plural, key, accept=_METADATA)
        return None if found is None else _version(found)

    async def get_namespace_labels(self, name: str) -> Mapping[str, str] | None:
        try:
            namespace = await self._json("GET", f"/api/v1/namespaces/{quote(name)}")
        except ClusterNotFound:
            return None
        labels: Mapping[str, str] = namespace["metadata"].get("labels") or {}
        return labels

    async def apply(self, body: JsonObject) -> JsonObject:
        prefix, plural = _PATHS[body["kind"]]
        metadata = body["metadata"]
        path = f"{prefix}/namespaces/{quote(metadata['namespace'])}/{plural}/{quote(metadata['name'])}"
        return await self._apply(path, body, _METADATA)

    async def apply_status(self, plural: str, body: JsonObject) -> None:
        metadata = body["metadata"]
        place = f"/apis/{GROUP}/{VERSION}/namespaces/{quote(metadata['namespace'])}"
        await self._apply(f"{place}/{plural}/{quote(metadata['name'])}/status", body)

    async def patch_status(self, plural: str, key: ObjectKey, uid: str, fields: JsonObject) -> None:
        path = f"/apis/{GROUP}/{VERSION}/namespaces/{quote(key.namespace)}/{plural}/{quote(key.name)}/status"
        # A status's uid isn't compared by the API server, as an object's is: the patch tests it.
        test: list[JsonObject] = [{"op": "test", "path": "/metadata/uid", "value": uid}]
        sets = [
            {"op": "add", "path": f"/status/{name}", "value": value}
            if value is not None
            else {"op": "remove", "path": f"/status/{name}"}
            for name, value in fields.items()
        ]
        query = {"fieldManager": FIELD_MANAGER}
        try:
            await self._json("PATCH", path, query=query, body=test + sets, content_type=_JSON_PATCH)
        except ClusterRefused as error:
            raise ClusterConflict(str(error)) from None

    async def create_event(self, body: JsonObject) -> None:
        namespace = quote(body["metadata"]["namespace"])
        await self._json("POST", f"/apis/events.k8s.io/v1/namespaces/{namespace}/events", body=body)

    async def repeat_event(self, namespace: str, name: str, count: int, now: datetime) -> None:
        path = f"/apis/events.k8s.io/v1/namespaces/{quote(namespace)}/events/{quote(name)}"
        body = {"series": {"count": count, "lastObservedTime": micro_time(now)}}
        await self._json("PATCH", path, body=body, content_type=_MERGE)

    async def watch_endpoint_slices(self, service: ObjectKey) -> AsyncIterator[Sequence[JsonObject]]:
        path = f"/apis/discovery.k8s.io/v1/namespaces/{quote(service.namespace)}/endpointslices"
        selector = {"labelSelector": f"kubernetes.io/service-name={service.name}"}
        async for slices in self._follow(path, selector, f"the replicas of service {service}"):
            yield slices

    async def watch_versions(self, kind: str, key: ObjectKey) -> AsyncIterator[str | None]:
        prefix, plural = _PATHS[kind]
        path = f"{prefix}/namespaces/{quote(key.namespace)}/{plural}"
        async for found in self._follow(
            path, {"fieldSelector": f"metadata.name={key.name}"}, f"{kind} {key}", _METADATA_LIST, _METADATA
        ):
            yield found[0]["metadata"]["resourceVersion"] if found else None

    async def _follow(
        self, path: str, selector: Mapping[str, str], what: str, list_as: str = _JSON, watch_as: str = _JSON
    ) -> AsyncIterator[Sequence[JsonObject]]:
        """What a list with this selector would hold: now, and again whenever that changes."""
        while True:
            try:
                listed = await self._json("GET", path, query=selector, accept=list_as)
                found = {item["metadata"]["uid"]: item for item in listed["items"]}
                yield list(found.values())
                async for event in self._watch(path, {**selector, "resourceVersion": _version(listed)}, watch_as):
                    if event["type"] == "DELETED":
                        found.pop(event["object"]["metadata"]["uid"], None)
                    elif event["type"] in ("ADDED", "MODIFIED"):
                        found[event["object"]["metadata"]["uid"]] = event["object"]
                    else:
                        continue
                    yield list(found.values())
            except ClusterError as error:
                log.warning("%s can't be watched, trying again: %s", what, error, extra={"cause": str(error)})
            await asyncio.sleep(_WATCH_PAUSE_SECONDS)

    async def _watch(self, path: str, query: Mapping[str, str], accept: str) -> AsyncIterator[JsonObject]:
        """Events until the server ends the watch, or says that it must begin anew."""
        query = {**query, "watch": "true", "allowWatchBookmarks": "true", "timeoutSeconds": str(_WATCH_SECONDS)}
        response = await self._send("GET", path, query, None, _JSON, _WATCH, accept)
        stream: aiohttp.ClientResponse = response.response
        try:
            async for line in stream.content:
                event = json.loads(line)
                if event["type"] == "ERROR":
                    return
                yield event
        except (aiohttp.ClientError, TimeoutError, ValueError):
            return  # cut off, or a line longer than the buffer: list again
        finally:
            stream.close()

    async def _get(self, prefix: str, plural: str, key: ObjectKey, accept: str = _JSON) -> JsonObject | None:
        if not key.possible:  # people choose what they refer to: ../../other/secrets/theirs would be followed
            return None
        try:
            path = f"{prefix}/namespaces/{quote(key.namespace)}/{plural}/{quote(key.name)}"
            return await self._json("GET", path, accept=accept)
        except ClusterNotFound:
            return None

    async def _list_everywhere(self, plural: str, query: Mapping[str, str]) -> Sequence[JsonObject]:
        prefix = f"/apis/{GROUP}/{VERSION}"
        if self._namespaces is None:
            return await self._list(f"{prefix}/{plural}", query)
        parts = [await self._list(f"{prefix}/namespaces/{quote(name)}/{plural}", query) for name in self._namespaces]
        return [item for part in parts for item in part]

    async def _list(self, path: str, query: Mapping[str, str]) -> Sequence[JsonObject]:
        items: list[JsonObject] = []
        token = ""
        while True:
            page = {**query, "limit": str(_PAGE)} | ({"continue": token} if token else {})
            body = await self._json("GET", path, query=page)
            items.extend(body["items"])
            token = body["metadata"].get("continue") or ""
            if not token:
                return items

    async def _apply(self, path: str, body: JsonObject, accept: str = _JSON) -> JsonObject:
        query = {"fieldManager": FIELD_MANAGER, "force": "true"}
        return await self._json("PATCH", path, query=query, body=body, content_type=_APPLY, accept=accept)

    async def _json(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: JsonObject | list[JsonObject] | None = None,
        content_type: str = _JSON,
        accept: str = _JSON,
    ) -> JsonObject:
        response = await self._send(method, path, query or {}, body, content_type, _REQUEST, accept)
        try:
            answer: JsonObject = json.loads(await response.read())
        except ValueError:
            raise ClusterUnavailable(f"{method} {path}: the answer isn't whole") from None
        except (aiohttp.ClientError, OSError) as error:
            raise ClusterUnavailable(unanswered(self._clients[-1].configuration.host, error)) from None
        return answer

    async def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: JsonObject | list[JsonObject] | None,
        content_type: str,
        limits: aiohttp.ClientTimeout,
        accept: str,
    ) -> Any:
        """An answer below 400 whose body is not read yet."""
        client = self._clients[-1]
        try:
            return await _request(client, method, path, query, body, content_type, limits, accept)
        except ClusterUnauthorized:
            await self._log_in_anew(client)
        return await _request(self._clients[-1], method, path, query, body, content_type, limits, accept)

    async def _log_in_anew(self, refused: Any) -> None:
        """The token expired or was replaced. The old client is kept for the requests that still run on it."""
        async with self._login_lock:
            if self._clients[-1] is refused:
                self._clients.append(ApiClient(await self._login.configuration()))
                while len(self._clients) > 2:
                    await self._clients.pop(0).close()


async def _request(
    client: Any,
    method: str,
    path: str,
    query: Mapping[str, str],
    body: JsonObject | list[JsonObject] | None,
    content_type: str,
    limits: aiohttp.ClientTimeout,
    accept: str,
) -> Any:
    request = await client.param_serialize(
        method,
        path,
        query_params=list(query.items()),
        header_params={"Accept": accept, "Content-Type": content_type},
        body=body,
        auth_settings=["BearerToken"],
    )
    try:
        response = await client.call_api(*request, _request_timeout=limits)
        if response.status < 400:
            return response
        text = await response.read()
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise ClusterUnavailable(unanswered(client.configuration.host, error)) from None
    reason = _reason(text)
    refused = not_permitted(reason) if response.status == HTTPStatus.FORBIDDEN else None
    raise cluster_error(response.status, refused or f"{method} {path}: {response.status}: {reason}")


async def _nothing() -> Sequence[JsonObject]:
    return ()


def _reason(text: bytes) -> str:
    """The message of the API server's Status object."""
    try:
        return str(json.loads(text)["message"])[:500]
    except (ValueError, KeyError, TypeError):
        return "no reason given"


def _version(listed: JsonObject) -> str:
    version: str = listed["metadata"]["resourceVersion"]
    return version
