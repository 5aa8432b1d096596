"""Kubernetes Events (events.k8s.io/v1) as objects."""

import uuid
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

REPORTING_CONTROLLER = "scim-operator.io/operator"
LONGEST_NOTE = 1024  # the API server's limit, in bytes


class EventType(StrEnum):
    NORMAL = "Normal"
    WARNING = "Warning"


def event_object(
    regarding: dict[str, Any],
    *,
    kind: EventType,
    reason: str,
    action: str,
    note: str,
    now: datetime,
    instance: str,
) -> dict[str, Any]:
    """An Event about the object `regarding`, in its namespace. `instance` names this process."""
    metadata = regarding["metadata"]
    return {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": f"{metadata['name'][:200]}.{uuid.uuid4().hex[:16]}", "namespace": metadata["namespace"]},
        "eventTime": micro_time(now),
        "type": kind.value,
        "reason": reason,
        "action": action,
        "note": _shortened(note),
        "regarding": {
            "apiVersion": regarding["apiVersion"],
            "kind": regarding["kind"],
            "namespace": metadata["namespace"],
            "name": metadata["name"],
            "uid": metadata["uid"],
            "resourceVersion": metadata["resourceVersion"],
        },
        "reportingController": REPORTING_CONTROLLER,
        "reportingInstance": instance[:128],
    }


def micro_time(time: datetime) -> str:
    """As `metav1.MicroTime` is written."""
    return time.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _shortened(note: str) -> str:
    encoded = note.encode()
    if len(encoded) <= LONGEST_NOTE:
        return note
    return encoded[: LONGEST_NOTE - 3].decode(errors="ignore") + "…"
