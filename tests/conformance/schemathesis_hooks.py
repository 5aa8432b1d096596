"""What schemathesis is told about the server beside its document."""

from itertools import count
from typing import Any

import schemathesis

_NAMES = {"/Users": "userName", "/Groups": "displayName"}
_OWN_USER = "ann@example.com"
"""As in test_schemathesis.py."""
_numbers = count(1)


@schemathesis.hook
def before_call(_: schemathesis.HookContext, case: schemathesis.Case[Any], __: dict[str, Any]) -> None:
    """Nobody waits long for events. Of what is created, every other one gets a name that nobody has yet: nearly all
    would be a 409 otherwise. The rest of the users get the name that the credential stands for: /Me was deleted in
    the meantime."""
    if case.path == "/events" and isinstance(case.query.get("wait"), int):
        case.query = case.query | {"wait": min(case.query["wait"], 1)}
    attribute = _NAMES.get(case.path)
    if case.method != "POST" or attribute is None or not isinstance(case.body, dict):
        return
    is_valid = case.meta is not None and case.meta.generation.mode.is_positive
    if not is_valid or not isinstance(case.body.get(attribute), str):
        return
    number = next(_numbers)
    if number % 2:
        case.body = case.body | {attribute: f"{number} {case.body[attribute]}"[:512]}
    elif attribute == "userName":
        case.body = case.body | {attribute: _OWN_USER}


@schemathesis.hook
def before_load_schema(_: schemathesis.HookContext, document: dict[str, Any]) -> None:
    """Bodies are sent as one of the two types of JSON, not each one twice."""
    for item in document["paths"].values():
        for method in ("post", "put", "patch"):
            content = item.get(method, {}).get("requestBody", {}).get("content", {})
            if len(content) > 1:
                content.pop("application/json")
