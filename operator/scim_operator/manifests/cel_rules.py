"""The CEL rules of the CustomResourceDefinitions, evaluated as the API server does: one source of truth.

One function is not the CEL library's own: `matches` must be RE2, as in the API server, and the library's is another
engine, so calls of it are renamed to one of ours.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import cel

from scim_operator.api import FieldPath
from scim_operator.manifests.structural_schema import Schema, SchemaError
from scim_server.config import compile_pattern


def rule_violations(value: Any, schema: Schema, path: FieldPath = ()) -> Iterator[SchemaError]:
    """Rules that don't hold, for a value that has its defaults and fits the schema."""
    for rule in schema.get("x-kubernetes-validations", ()):
        message = _broken(rule, value)
        if message is not None:
            yield (*path, *_field(rule)), message
    if isinstance(value, dict):
        properties = schema.get("properties", {})
        for name, member in value.items():
            if name in properties:
                yield from rule_violations(member, properties[name], (*path, name))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from rule_violations(item, schema["items"], (*path, index))


def _field(rule: dict[str, str]) -> FieldPath:
    """`fieldPath` of a rule: `.name`, relative to where the rule stands."""
    return tuple(part for part in rule.get("fieldPath", "").split(".") if part)


def _broken(rule: dict[str, str], value: Any) -> str | None:
    evaluation = _Evaluation(value)
    holds = evaluation.run(rule["rule"])
    if evaluation.error:
        return f"{rule['message']} ({evaluation.error})"
    if holds:
        return None
    if "messageExpression" in rule:
        return str(evaluation.run(rule["messageExpression"]))
    return rule["message"]


@lru_cache(maxsize=256)
def _compiled(expression: str) -> cel.Program:
    return cel.compile(expression.replace(".matches(", ".re2Matches("))


class _Evaluation:
    def __init__(self, value: Any) -> None:
        self.error: str | None = None
        self._context = cel.Context({"self": value}, {"re2Matches": self._matches})

    def run(self, expression: str) -> Any:
        return _compiled(expression).execute(self._context)

    def _matches(self, text: str, pattern: str) -> bool:
        """An error is remembered rather than raised, since the library writes errors of functions to stderr."""
        try:
            return compile_pattern(pattern).search(text) is not None
        except ValueError as error:
            self.error = str(error)
            return False
