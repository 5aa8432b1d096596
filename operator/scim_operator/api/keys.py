"""How objects are named inside the operator."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple, Self

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"

OBJECT_NAME = rf"^{_LABEL}(\.{_LABEL})*$"
"""RFC 1123 subdomain: what the API server allows as the name of an object of any kind that is used here."""

NAMESPACE = f"^{_LABEL}$"
"""RFC 1123 label."""


class ObjectKey(NamedTuple):
    """Namespace and name of an object whose kind is known from the context. Ordered as kubectl lists objects."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"

    @property
    def possible(self) -> bool:
        """Whether an object can have this key at all. One that people chose may be a path to something else."""
        return bool(re.fullmatch(NAMESPACE, self.namespace) and re.fullmatch(OBJECT_NAME, self.name))

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> Self:
        """The key of a namespaced object as the API server returns it."""
        metadata = raw["metadata"]
        return cls(metadata["namespace"], metadata["name"])

    @classmethod
    def parse(cls, text: str) -> Self:
        """The key that `str` wrote. Raises `ValueError`."""
        namespace, slash, name = text.partition("/")
        if not (namespace and slash and name) or "/" in name:
            raise ValueError(f"{text!r}: namespace/name is expected")
        return cls(namespace, name)
