"""How objects are named inside the operator."""

from typing import NamedTuple, Self


class ObjectKey(NamedTuple):
    """Namespace and name of an object whose kind is known from the context. Ordered as kubectl lists objects."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """The key that `str` wrote. Raises `ValueError`."""
        namespace, slash, name = text.partition("/")
        if not (namespace and slash and name) or "/" in name:
            raise ValueError(f"{text!r}: namespace/name is expected")
        return cls(namespace, name)
