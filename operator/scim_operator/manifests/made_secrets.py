"""Secrets that controllers of others make in a cluster, out of objects that lie beside the manifests."""

from typing import Any

from scim_operator.api import ObjectKey

_MAKERS = frozenset((("external-secrets.io", "ExternalSecret"), ("bitnami.com", "SealedSecret")))


def made_secret(value: Any, group: str, kind: str, namespace: str) -> ObjectKey | None:
    """The key of the Secret that the object will make, if it is of such a kind. `namespace`: where it gives none."""
    if (group, kind) not in _MAKERS:
        return None
    metadata = _object(value, "metadata")
    target = _object(_object(value, "spec"), "target") if kind == "ExternalSecret" else {}
    name, own_namespace = target.get("name") or metadata.get("name"), metadata.get("namespace") or namespace
    return ObjectKey(own_namespace, name) if isinstance(name, str) and isinstance(own_namespace, str) else None


def _object(value: dict[str, Any], field: str) -> dict[str, Any]:
    found = value.get(field)
    return found if isinstance(found, dict) else {}
