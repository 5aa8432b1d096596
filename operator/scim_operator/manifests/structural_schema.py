"""What the API server does with an object of a CustomResourceDefinition: unknown fields, defaults, validation.

Only the keywords that our definitions use; a test holds that they use no others.
"""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from scim_operator.api import FieldPath, did_you_mean, nearest
from scim_operator.api.attribute_mapping import PATH_PATTERN
from scim_server.config import compile_pattern

Schema = dict[str, Any]
SchemaError = tuple[FieldPath, str]

_DATE_TIME = re.compile(
    r"\d{4}-\d{2}-\d{2}[Tt]([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?([Zz]|[+-]\d{2}:\d{2})", re.ASCII
)
_MEANINGS = {
    r"^([0-9]{1,5}h)?([0-9]{1,6}m)?([0-9]{1,8}s)?$": "a duration in h, m, s is expected, such as 1h30m or 2160h",
    r"^[0-9T:.Z+-]*$": "a time such as 2027-05-01T00:00:00Z is expected",
    PATH_PATTERN: 'a SCIM path such as name.givenName or emails[type eq "work"].value is expected',
}
"""What a pattern of the definitions asks for, where that is shorter to say."""
_FRACTION = re.compile(r"\.\d+")


def unknown_fields(value: Any, schema: Schema, path: FieldPath = ()) -> Iterator[tuple[FieldPath, str | None]]:
    """Fields that the schema doesn't have: `kubectl apply` refuses them (strict field validation).

    With each, the name of the field that was probably meant.
    """
    if isinstance(value, dict) and "properties" in schema:
        properties = schema["properties"]
        for name, member in value.items():
            if name in properties:
                yield from unknown_fields(member, properties[name], (*path, name))
            else:
                yield (*path, name), nearest(name, properties)
    elif isinstance(value, list) and "items" in schema:
        for index, item in enumerate(value):
            yield from unknown_fields(item, schema["items"], (*path, index))


def unknown_field(meant: str | None) -> str:
    """The message about a field that isn't known."""
    return f"unknown field; did you mean {meant}?" if meant else "unknown field"


def with_defaults(value: Any, schema: Schema) -> Any:
    """The value with defaults filled in. A null of a field counts as absent, since no field of ours is nullable."""
    if isinstance(value, dict) and "properties" in schema:
        present = {name: member for name, member in value.items() if member is not None}
        result = {name: with_defaults(member, schema["properties"].get(name, {})) for name, member in present.items()}
        for name, member in schema["properties"].items():
            if name not in result and "default" in member:
                result[name] = with_defaults(member["default"], member)
        return result
    if isinstance(value, list) and "items" in schema:
        return [with_defaults(item, schema["items"]) for item in value]
    return value


def violations(value: Any, schema: Schema, path: FieldPath = ()) -> Iterator[SchemaError]:
    """Everything in which the value, with its defaults, breaks the schema, apart from its CEL rules."""
    mistaken = wrong_type(value, schema["type"])
    if mistaken:
        yield path, mistaken
    elif isinstance(value, dict):
        yield from _object_violations(value, schema, path)
    elif isinstance(value, list):
        yield from _list_violations(value, schema, path)
    elif isinstance(value, str):
        yield from ((path, message) for message in _string_violations(value, schema))
    elif isinstance(value, int | float) and value < schema.get("minimum", value):
        yield path, f"at least {schema['minimum']} is expected"
    elif isinstance(value, int | float) and value > schema.get("maximum", value):
        yield path, f"at most {schema['maximum']} is expected"


def _object_violations(value: dict[str, Any], schema: Schema, path: FieldPath) -> Iterator[SchemaError]:
    for name in schema.get("required", ()):
        if name not in value:
            yield (*path, name), "a value is required"
    if len(value) > schema.get("maxProperties", len(value)):
        yield path, f"at most {_counted(schema['maxProperties'], 'entry', 'entries')} expected"
    properties, others = schema.get("properties", {}), schema.get("additionalProperties")
    for name, member in value.items():
        if name in properties:
            yield from violations(member, properties[name], (*path, name))
        elif others is not None:
            yield from violations(member, others, (*path, name))


def _list_violations(value: list[Any], schema: Schema, path: FieldPath) -> Iterator[SchemaError]:
    if len(value) < schema.get("minItems", 0):
        yield path, f"at least {_counted(schema['minItems'], 'item', 'items')} expected"
    if len(value) > schema.get("maxItems", len(value)):
        yield path, f"at most {_counted(schema['maxItems'], 'item', 'items')} expected"
    for index, item in enumerate(value):
        yield from violations(item, schema["items"], (*path, index))
    keys = schema.get("x-kubernetes-list-map-keys")
    if keys or schema.get("x-kubernetes-list-type") == "set":
        yield from _repeated(value, keys, path)


def _repeated(value: list[Any], keys: list[str] | None, path: FieldPath) -> Iterator[SchemaError]:
    seen: set[str] = set()
    for index, item in enumerate(value):
        if keys:
            shown = ", ".join(f"{key} {_text(item.get(key))}" for key in keys) if isinstance(item, dict) else ""
        else:
            shown = _text(item)
        if shown and shown in seen:
            yield (*path, index), f"{shown} appears more than once"
        seen.add(shown)


def _string_violations(value: str, schema: Schema) -> Iterator[str]:
    if "enum" in schema and value not in schema["enum"]:
        yield f"{_text(value)} is not one of {', '.join(schema['enum'])}{did_you_mean(value, schema['enum'])}"
    if len(value) < schema.get("minLength", 0):
        yield (
            "a value is expected"
            if not value
            else f"at least {_counted(schema['minLength'], 'character', 'characters')} expected"
        )
    if len(value) > schema.get("maxLength", len(value)):
        yield f"at most {_counted(schema['maxLength'], 'character', 'characters')} expected"
    if "pattern" in schema and compile_pattern(schema["pattern"]).search(value) is None:
        yield _MEANINGS.get(schema["pattern"]) or f"{_text(value)} doesn't match {schema['pattern']}"
    if schema.get("format") == "date-time" and not _is_date_time(value):
        yield f"{_text(value)} is not a time such as 2027-05-01T00:00:00Z"


def _is_date_time(value: str) -> bool:
    if not _DATE_TIME.fullmatch(value):
        return False
    try:
        datetime.fromisoformat(_FRACTION.sub("", value).upper())
    except ValueError:
        return False
    return True


_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
}


def wrong_type(value: Any, expected: str) -> str | None:
    """The error, or None. YAML makes booleans of `yes`, `on`, `y` and numbers of `2026`: what was meant is quoted."""
    whole = isinstance(value, float) and value.is_integer()
    if isinstance(value, _TYPES[expected]) and not (expected == "integer" and isinstance(value, bool)):
        return None
    if expected == "integer" and whole:
        return None
    hint = ": quote it" if expected == "string" and isinstance(value, bool | int | float) else ""
    return f"{_article(expected)} is expected, not {_json_type(value)}{hint}"


def _json_type(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return f"the boolean {str(value).lower()}"
    if isinstance(value, int | float):
        return f"the number {value}"
    return "an object" if isinstance(value, dict) else "a list" if isinstance(value, list) else "a string"


def _article(type_: str) -> str:
    return {"object": "an object", "array": "a list", "integer": "an integer"}.get(type_, f"a {type_}")


def _counted(count: int, one: str, many: str) -> str:
    return f"{count} {one} is" if count == 1 else f"{count} {many} are"


def _text(value: Any) -> str:
    """A value as it is quoted in a message, cut short."""
    text = str(value)
    return f'"{text}"' if len(text) <= 80 else f'"{text[:79]}…"'
