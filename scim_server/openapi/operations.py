"""What operations have in common: parameters, a body, answers, errors."""

from collections.abc import Iterable

from scim_server.openapi.messages import reference
from scim_server.openapi.parameters import references
from scim_server.openapi.responses import JSON, SCIM, WITH_BODY, errors
from scim_server.scim.schema import JsonObject


def operation(
    tag: str,
    name: str,
    summary: str,
    answers: JsonObject,
    *,
    parameters: Iterable[str] = (),
    body: str | None = None,
    fails_with: Iterable[int] = (),
) -> JsonObject:
    """An operation on SCIM resources. `name`: its operationId. `body`: name of a schema. `answers`: by status, of
    success; `fails_with`: the errors besides those of everything, and of everything that has a body."""
    made: JsonObject = {"operationId": name, "tags": [tag], "summary": summary}
    if named := references(parameters):
        made["parameters"] = named
    statuses = [*fails_with]
    if body is not None:
        content = {"schema": reference(body)}
        made["requestBody"] = {"required": True, "content": {SCIM: content, JSON: content}}
        statuses += WITH_BODY
    made["responses"] = answers | errors(*statuses)
    return made
