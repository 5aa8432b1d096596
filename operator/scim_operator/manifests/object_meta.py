"""Checks of `metadata` and of names, as the API server makes them for every object."""

import re
from collections.abc import Iterator
from typing import Any

from scim_operator.api import nearest
from scim_operator.manifests.structural_schema import SchemaError, unknown_field

_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*", re.ASCII)
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", re.ASCII)
_LABEL_KEY = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?", re.ASCII)

# metav1.ObjectMeta
_FIELDS = frozenset(
    (
        "annotations",
        "creationTimestamp",
        "deletionGracePeriodSeconds",
        "deletionTimestamp",
        "finalizers",
        "generateName",
        "generation",
        "labels",
        "managedFields",
        "name",
        "namespace",
        "ownerReferences",
        "resourceVersion",
        "selfLink",
        "uid",
    )
)


def metadata_errors(metadata: dict[str, Any]) -> Iterator[SchemaError]:
    """Of an object that has a name, relative to its root."""
    for field in sorted(set(metadata) - _FIELDS):
        yield ("metadata", field), unknown_field(nearest(field, _FIELDS))
    name, namespace = metadata["name"], metadata.get("namespace")
    if len(name) > 253 or not _SUBDOMAIN.fullmatch(name):
        yield ("metadata", "name"), f"{name!r} is no name: small letters, digits, '-' and '.' are expected"
    if namespace is not None and (len(namespace) > 63 or not _LABEL.fullmatch(namespace)):
        yield ("metadata", "namespace"), f"{namespace!r} is no namespace: small letters, digits and '-' are expected"
    for field in ("labels", "annotations"):
        entries = metadata.get(field)
        if entries is None:
            continue
        if not isinstance(entries, dict):
            yield ("metadata", field), "an object is expected"
            continue
        for key, value in entries.items():
            if value is not None and not isinstance(value, str):
                yield ("metadata", field, key), "a string is expected: quote it"
            elif field == "labels" and value and not (len(value) <= 63 and _LABEL_KEY.fullmatch(value)):
                yield ("metadata", field, key), f"{value!r} is no label value"
