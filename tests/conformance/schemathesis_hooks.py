"""What schemathesis is told about the server beside its document."""

from itertools import count
from typing import Any

import schemathesis

_NAMES = {"/Users": "userName", "/Groups": "displayName"}
_numbers = count(1)


@schemathesis.hook
def before_call(_: schemathesis.HookContext, case: schemathesis.Case[Any], __: dict[str, Any]) -> None:
    """A name that nobody has yet for every other resource: without it nearly every one that is made up is a 409."""
    attribute = _NAMES.get(case.path)
    if case.method != "POST" or attribute is None or not isinstance(case.body, dict):
        return
    is_valid = case.meta is not None and case.meta.generation.mode.is_positive
    number = next(_numbers)
    if is_valid and isinstance(case.body.get(attribute), str) and number % 2:
        case.body = case.body | {attribute: f"{number} {case.body[attribute]}"[:512]}


@schemathesis.hook
def before_load_schema(_: schemathesis.HookContext, document: dict[str, Any]) -> None:
    """Bodies are sent as one of the two types of JSON, not each one twice."""
    for item in document["paths"].values():
        for method in ("post", "put", "patch"):
            content = item.get(method, {}).get("requestBody", {}).get("content", {})
            if len(content) > 1:
                content.pop("application/json")
