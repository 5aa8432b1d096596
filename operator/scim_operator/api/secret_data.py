"""What a Kubernetes Secret holds."""

import base64
import binascii
from collections.abc import Mapping
from typing import Any


class InvalidSecret(ValueError):
    """A Secret whose `data` or `stringData` can't be read. The message names the key and never a value."""

    def __init__(self, field: str, key: str | None, expected: str) -> None:
        self.field = field
        self.key = key
        self.expected = expected
        super().__init__(f"{field}[{key}]: {expected}" if key is not None else f"{field}: {expected}")


def secret_data(raw: Mapping[str, Any]) -> dict[str, bytes]:
    """The values by key; `stringData`, which stands only in manifests, wins over `data`. Raises `InvalidSecret`."""
    values: dict[str, bytes] = {}
    for key, value in _strings(raw, "data").items():
        try:
            values[key] = base64.b64decode("".join(value.split()), validate=True)
        except (binascii.Error, ValueError):
            raise InvalidSecret("data", key, "base64 is expected") from None
    values.update({key: value.encode() for key, value in _strings(raw, "stringData").items()})
    return values


def _strings(raw: Mapping[str, Any], field: str) -> dict[str, str]:
    values = raw.get(field)
    if values is None:
        return {}
    if not isinstance(values, dict):
        encrypted = isinstance(values, str) and values.startswith("ENC[")
        hint = ": decrypt it first" if encrypted else ""
        raise InvalidSecret(field, None, f"an object is expected, not {_json_type(values)}{hint}")
    for key, value in values.items():
        if value is not None and not isinstance(value, str):
            raise InvalidSecret(field, str(key), f"a string is expected, not {_json_type(value)}: quote it")
    return {key: value or "" for key, value in values.items()}


def _json_type(value: object) -> str:
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "a string"
    return "a list" if isinstance(value, list) else "an object"
