"""Expressions over a user, in CEL: conditions of rules and sources of attributes. The only importer of the library.

An attribute that an expression reads and the user doesn't have makes the whole expression missing: `value` gives
None, `holds` False. That is no failure. Anything else that goes wrong is `ExpressionFailed`, whose reason holds
nothing of the user.
"""

import hashlib
import math
import re
from collections.abc import Callable
from functools import lru_cache, partial
from itertools import pairwise
from typing import Any

import cel

from scim_server.config import InvalidPattern, UserAttributes
from scim_server.config.user_attributes import CORE_URN, USER_ATTRIBUTES
from scim_server.provisioning.expression_functions import (
    IMPLEMENTATIONS,
    LONGEST_TEXT,
    MATCHES,
    MOST_ELEMENTS,
    FunctionFailed,
)
from scim_server.provisioning.expression_names import check_names
from scim_server.provisioning.expression_text import (
    InvalidExpression,
    Token,
    error_at,
    read_text,
)
from scim_server.scim.schema import JsonObject

__all__ = [
    "Expression",
    "ExpressionFailed",
    "InvalidExpression",
    "compile_expression",
    "condition_of",
    "expression_of",
]

LONGEST_RESULT = 4096
_MOST_VALUES = 2_000
"""Of the document: members and elements that one expression reads."""

_SEMANTICS = "1:"
"""Raised when the same expression may give another result for the same user: stored verdicts are made anew."""

_LIBRARY_ERROR = re.compile(r"<input>:(\d+):(\d+): (?:Syntax error: )?(.*)")
_OVERLOAD = re.compile(r"Unsupported operation: (\w+ \S+ \w+)\.")


class ExpressionFailed(Exception):
    """An expression has no value for a user, and not because the user lacks an attribute. It names no value."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class Expression:
    """A compiled expression. Threads may share it."""

    def __init__(self, text: str) -> None:
        """Raises `InvalidExpression`."""
        self.text = text
        parsed = read_text(text)
        self.attributes: tuple[str, ...] = tuple(
            dict.fromkeys(path for reference in parsed.references if (path := reference.path))
        )
        """Paths of the user's attributes that it reads, as SCIM writes them, in the order of the text."""
        self._keys = None if parsed.reads_all else frozenset(reference.key for reference in parsed.references)
        _parse(text, text)
        self._program = _parse(text, _rewritten(text, parsed.tokens))

    def value(self, user: JsonObject) -> Any:
        """A text, number, boolean, or list of them; None if it is missing. Raises `ExpressionFailed`."""
        return _plain(self._run(user))

    def holds(self, user: JsonObject) -> bool:
        """Raises `ExpressionFailed`."""
        result = self._run(user)
        if result is None:
            return False
        if not isinstance(result, bool):
            raise ExpressionFailed(f"true or false is expected, the expression gives {_kind(result)}")
        return result

    def _run(self, user: JsonObject) -> Any:
        read = user if self._keys is None else {key: user[key] for key in self._keys if key in user}
        _check_size(read)
        return _Evaluation(_with_empty_parts(read)).run(self._program)


class _NeverCompiled(Expression):
    """Stands for a text that is no expression: it fails for each user."""

    def __init__(self, text: str, reason: str) -> None:
        self.text = text
        self.attributes = ()
        self._reason = reason

    def _run(self, user: JsonObject) -> Any:
        raise ExpressionFailed(self._reason)


@lru_cache(maxsize=4096)
def expression_of(text: str) -> Expression:
    """An expression of a policy. A text that is none fails for each user."""
    try:
        return Expression(text)
    except InvalidExpression as error:
        return _NeverCompiled(text, str(error))


def compile_expression(text: str, attributes: UserAttributes | None = None) -> Expression:
    """Raises `InvalidExpression`, also for a name that is none of `attributes`, where they are given."""
    expression = expression_of(text)
    if isinstance(expression, _NeverCompiled):
        expression = Expression(text)  # raises
    if attributes is not None:
        check_names(text, attributes)
    return expression


def condition_of(text: str) -> str:
    """The key of stored verdicts on an expression."""
    return hashlib.sha256(f"{_SEMANTICS}{text}".encode()).hexdigest()


def _parse(text: str, rewritten: str) -> cel.Program:
    try:
        return cel.compile(rewritten)
    except Exception as error:
        raise _in_our_words(text, str(error)) from None
    except BaseException as error:
        _reraise_if_not_the_librarys(error)
        raise InvalidExpression("the expression can't be compiled") from None


def _in_our_words(text: str, message: str) -> InvalidExpression:
    match = _LIBRARY_ERROR.search(message)
    if match is None:
        return InvalidExpression("the expression can't be parsed")
    line, column, reason = int(match[1]), int(match[2]), match[3].partition(" expecting {")[0]
    start = sum(len(each) + 1 for each in text.split("\n")[: line - 1]) + column - 1
    if "<EOF>" in reason and "extraneous" not in reason:
        return error_at(text, len(text), "the expression ends too early")
    for wording in (
        "extraneous input ",
        "mismatched input ",
        "no viable alternative at input ",
        "unsupported syntax ",
    ):
        if reason.startswith(wording):
            return error_at(
                text, start, f"unexpected {reason.removeprefix(wording).removesuffix(' expecting <EOF>')}"
            )
    reason = reason.replace("token recognition error at: ", "unexpected ")
    if "has() macro" in reason:
        reason = 'has() takes an attribute, as in has(user.title); of a schema ask `"urn:…" in user`'
    return error_at(text, start, reason)


def _rewritten(text: str, tokens: Any) -> str:
    """The text as the library gets it: `matches` is ours, and `has(user.a.b)` asks for `user.a` first."""
    edits: list[tuple[int, int, str]] = []
    for index, token in enumerate(tokens):
        if token.kind != "name" or index + 1 >= len(tokens) or tokens[index + 1].text != "(":
            continue
        if token.text == "matches":
            edits.append((token.start, token.start + len(token.text), MATCHES))
        elif token.text == "has" and (index == 0 or tokens[index - 1].text != "."):
            edits += _guarded(text, tokens, index)
    for start, end, replacement in sorted(edits, reverse=True):
        text = text[:start] + replacement + text[end:]
    return text


def _guarded(text: str, tokens: list[Token], index: int) -> list[tuple[int, int, str]]:
    """`has(user.a.b)` is false, not missing, where there is no `user.a`."""
    end = index + 2
    steps: list[int] = []  # where a further step of the chain begins
    while end < len(tokens) and tokens[end].text != ")":
        if tokens[end].text == ".":
            steps.append(end)
            end += 2
        elif tokens[end].text == "[" and end + 2 < len(tokens) and tokens[end + 2].text == "]":
            steps.append(end)
            end += 3
        elif end == index + 2 and tokens[end].kind == "name":
            end += 1
        else:
            return []
    if end >= len(tokens) or len(steps) < 2:
        return []
    first = tokens[index + 2].start
    guards = []
    for step, following in pairwise(steps):
        if tokens[step].text == ".":
            guards.append(f"has({text[first : tokens[following].start]})")
        else:
            guards.append(f"{tokens[step + 1].text} in {text[first : tokens[step].start]}")
    start = tokens[index].start
    stop = tokens[end].start + 1
    return [(start, start, f"({' && '.join(guards)} && "), (stop, stop, ")")]


class _Evaluation:
    """One run. A context of the library costs little, and none is shared between threads."""

    def __init__(self, user: JsonObject) -> None:
        self._failures: list[str] = []
        self._functions: dict[str, Callable[..., Any]] = {name: partial(self._call, name) for name in IMPLEMENTATIONS}
        self._user = user

    def _call(self, name: str, *arguments: Any) -> Any:
        """A failure is kept rather than raised: the library would write it to stderr, values and all."""
        shown = "matches" if name == MATCHES else name
        try:
            return IMPLEMENTATIONS[name](*arguments)
        except FunctionFailed as error:
            self._failures.append(f"{shown}: {error}")
        except InvalidPattern:
            self._failures.append(f"{shown}: the pattern is no RE2 expression")
        except Exception:
            self._failures.append(f"{shown}: its arguments don't fit")
        return None

    def run(self, program: cel.Program) -> Any:
        try:
            result = program.execute(cel.Context({"user": self._user}, self._functions))
        except (KeyError, IndexError):
            result = None
        except Exception as error:
            raise ExpressionFailed(next(iter(self._failures), _reason(error))) from None
        except BaseException as error:
            _reraise_if_not_the_librarys(error)
            raise ExpressionFailed("the expression can't be evaluated") from None
        if self._failures:
            raise ExpressionFailed(self._failures[0])
        return result


def _reraise_if_not_the_librarys(error: BaseException) -> None:
    """A panic of the library is a BaseException, and no reason to end anything."""
    if type(error).__name__ != "PanicException":
        raise error


def _reason(error: Exception) -> str:
    """Without the library's own words where they may quote a value."""
    if isinstance(error, ZeroDivisionError):
        return "division by zero"
    if isinstance(error, OverflowError):
        return "a number is too large"
    overload = _OVERLOAD.match(str(error))
    if overload is not None:
        return f"{overload[1]}: the two can't be combined"
    return "an operation doesn't fit the types of its operands"


def _check_size(read: JsonObject) -> None:
    """What is given to the library is bounded, since it can't be interrupted."""
    characters = values = 0
    left: list[Any] = [read]
    while left:
        value = left.pop()
        if isinstance(value, str):
            characters += len(value)
        elif isinstance(value, dict):
            values += len(value)
            left += value.values()
        elif isinstance(value, list):
            if len(value) > MOST_ELEMENTS:
                raise ExpressionFailed(f"an attribute that it reads has more than {MOST_ELEMENTS} values")
            values += len(value)
            left += value
        if characters > LONGEST_TEXT or values > _MOST_VALUES:
            raise ExpressionFailed(f"what it reads of the user is longer than {LONGEST_TEXT} characters")


_EMPTY_PARTS: dict[str, JsonObject] = {
    name: {part: False if part == "primary" else "" for part in parts}
    for name, parts in USER_ATTRIBUTES[CORE_URN].items()
    if "primary" in parts
}


def _with_empty_parts(read: JsonObject) -> JsonObject:
    """Elements of the standard's lists have all parts, if need be empty: `user.emails.exists(e, e.type == "work")` is
    about those elements that have a type, not missing where one has none."""
    lists = read.keys() & _EMPTY_PARTS.keys()
    if not lists:
        return read
    filled = dict(read)
    for name in lists:
        if isinstance(read[name], list):
            filled[name] = [
                {**_EMPTY_PARTS[name], **element} if isinstance(element, dict) else element for element in read[name]
            ]
    return filled


def _plain(result: Any) -> Any:
    if isinstance(result, list):
        elements = [_scalar(element) for element in result]
        size = sum(len(element) if isinstance(element, str) else 8 for element in elements)
    else:
        elements = [_scalar(result)]
        size = len(result) if isinstance(result, str) else 0
    if size > LONGEST_RESULT:
        raise ExpressionFailed(f"the result is longer than {LONGEST_RESULT} characters")
    if isinstance(result, list):
        return elements or None
    return None if result == "" else result


def _scalar(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        raise ExpressionFailed("the result is no number")
    if value is None or isinstance(value, str | bool | int | float):
        return value
    raise ExpressionFailed(
        f"a text, number, true, false or list of them is expected, the expression gives {_kind(value)}"
    )


def _kind(value: Any) -> str:
    kinds = {str: "a text", bool: "true or false", int: "a number", float: "a number", list: "a list", dict: "a map"}
    return kinds.get(type(value), "something else")
