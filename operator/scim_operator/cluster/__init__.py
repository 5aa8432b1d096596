"""The cluster as the operator sees it: a protocol, its adapter over the Kubernetes client, Events."""

from scim_operator.cluster.client import ClusterClient, JsonObject
from scim_operator.cluster.errors import (
    ClusterConflict,
    ClusterError,
    ClusterForbidden,
    ClusterNotFound,
    ClusterRefused,
    ClusterUnavailable,
)
from scim_operator.cluster.events import EventType, event_object

__all__ = [
    "ClusterClient",
    "ClusterConflict",
    "ClusterError",
    "ClusterForbidden",
    "ClusterNotFound",
    "ClusterRefused",
    "ClusterUnavailable",
    "EventType",
    "JsonObject",
    "event_object",
]
