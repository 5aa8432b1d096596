"""The CEL rules of the CustomResourceDefinitions, evaluated as the API server does: one source of truth.

One function is not the CEL library's own: `matches` must be RE2, as in the API server, and the library's is another
engine, so calls of it are renamed to one of ours.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import cel

from scim_operator.api import FieldPath
from scim_operator.manifests.structural_schema import Schema, SchemaError
from scim_server.config import InvalidPattern, compile_pattern

_SELF = re.compile(r"\bself\b(?:\.(\w+))?")
_PRESENCE = re.compile(r"\bhas\(self\.(\w+)\)")
_SHORT = 64


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
    holds, error = _outcome(rule["rule"], value)
    if error:
        return f"{rule['message']}: {error}"
    if holds:
        return None
    if "messageExpression" in rule:
        return str(_Evaluation(value).run(rule["messageExpression"]))
    return rule["message"]


def _outcome(expression: str, value: Any) -> tuple[Any, str | None]:
    """What the rule says, and the error of a function in it.

    Of an object only the members that the rule speaks of are looked at. Where these are short, as they are in most
    objects, the outcome is remembered: to evaluate costs more than all other checks together.
    """
    reads = _reads(expression)
    if reads is None or not isinstance(value, dict):
        return _evaluated(expression, value)
    members = {name: value[name] if by_value else True for name, by_value in reads if name in value}
    if all(
        isinstance(member, bool) or (isinstance(member, str) and len(member) <= _SHORT) for member in members.values()
    ):
        return _remembered(expression, tuple(members.items()))
    return _evaluated(expression, members)


@lru_cache(maxsize=1024)
def _remembered(expression: str, members: tuple[tuple[str, bool | str], ...]) -> tuple[Any, str | None]:
    return _evaluated(expression, dict(members))


def _evaluated(expression: str, value: Any) -> tuple[Any, str | None]:
    evaluation = _Evaluation(value)
    return evaluation.run(expression), evaluation.error


@lru_cache(maxsize=256)
def _reads(expression: str) -> tuple[tuple[str, bool], ...] | None:
    """The members of `self` that the expression speaks of, and whether of their value or only of their presence.

    None: of `self` as a whole.
    """
    present = set(_PRESENCE.findall(expression))
    members = _SELF.findall(_PRESENCE.sub("", expression))
    if "" in members:
        return None
    return tuple((name, name in members) for name in sorted(present.union(members)))


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
        except InvalidPattern as error:
            self.error = error.reason
            return False
