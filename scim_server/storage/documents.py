"""Documents as databases hold them."""

from typing import Any

import orjson

from scim_server.folding import fold


def to_json(document: Any) -> str:
    return orjson.dumps(document).decode()


def from_json(text: str | bytes) -> Any:
    return orjson.loads(text)


def folded(value: Any) -> Any:
    """A document whose every string is folded: what filters on attributes that aren't `caseExact` read."""
    if isinstance(value, str):
        return fold(value)
    if isinstance(value, list):
        return [folded(item) for item in value]
    if isinstance(value, dict):
        return {name: folded(item) for name, item in value.items()}
    return value
