"""Checks of `metadata` and of names, as the API server makes them for every object."""

import re
from collections.abc import Iterator
from typing import Any

from scim_operator.api import nearest
from scim_operator.manifests.structural_schema import SchemaError, unknown_field

_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*", re.ASCII)
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", re.ASCII)
_LABEL_KEY = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?", re.ASCII)

_LONGEST_NAME = 253
_LONGEST_LABEL = 63
"""That of a value too, and of a namespace's name."""

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


def wrong_namespace(namespace: str) -> str | None:
    """What keeps a namespace from having this name."""
    if len(namespace) > _LONGEST_LABEL:
        return f"at most {_LONGEST_LABEL} characters are expected, not {len(namespace)}"
    if not _LABEL.fullmatch(namespace):
        return "small letters, digits and '-' are expected, and no '-' at an end"
    return None


def metadata_errors(metadata: dict[str, Any]) -> Iterator[SchemaError]:
    """Of an object that has a name, relative to its root."""
    for field in sorted(set(metadata) - _FIELDS):
        yield ("metadata", field), unknown_field(nearest(field, _FIELDS))
    name, namespace = metadata["name"], metadata.get("namespace")
    if len(name) > _LONGEST_NAME:
        yield ("metadata", "name"), f"at most {_LONGEST_NAME} characters are expected, not {len(name)}"
    elif not _SUBDOMAIN.fullmatch(name):
        yield ("metadata", "name"), "small letters, digits, '-' and '.' are expected, and none of these two at an end"
    if namespace is not None:
        wrong = wrong_namespace(namespace)
        if wrong:
            yield ("metadata", "namespace"), wrong
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
            elif field == "labels" and value and len(value) > _LONGEST_LABEL:
                yield ("metadata", field, key), f"at most {_LONGEST_LABEL} characters are expected, not {len(value)}"
            elif field == "labels" and value and not _LABEL_KEY.fullmatch(value):
                yield ("metadata", field, key), f"{value!r} is no label value"
