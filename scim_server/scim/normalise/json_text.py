"""Objects and lists as JSON in a string."""

from typing import Any

import orjson


def json_in_string(value: Any, *, only_list: bool = False) -> Any:
    """What a string holds where an object or a list is expected: SCIM-SDK's client sends them as text.

    Anything else stays as it is, also a name that merely begins with a bracket.
    """
    if not isinstance(value, str) or not value.lstrip().startswith("[" if only_list else ("{", "[")):
        return value
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        return value
