"""The text of an expression, token by token: what it reads, what it may not use, and bounds that keep it cheap.

The CEL library parses and evaluates. It can't be interrupted, and a nesting that is too deep would end the process:
bounds are checked here, before the library sees the text.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches

from scim_server.config import InvalidPattern, compile_pattern

MOST_TOKENS = 400
DEEPEST = 16
MOST_CHOICES = 32
MOST_COMPREHENSIONS = 3
DEEPEST_COMPREHENSION = 2
MOST_SUMS_IN_COMPREHENSIONS = 4
"""Each may double what the next one iterates over."""
MOST_SUMS = 64

COMPREHENSIONS = frozenset({"all", "exists", "exists_one", "map", "filter"})
FUNCTIONS = frozenset({"size", "int", "double", "string"})
"""Called as `size(x)`."""
METHODS = frozenset(
    {
        *("size", "contains", "startsWith", "endsWith", "matches"),
        *("lowerAscii", "upperAscii", "trim", "split", "join", "replace", "substring"),
    }
)
"""Called as `x.size()`."""

_KEYWORDS = frozenset({"true", "false", "null", "in"})
_CLOSING = {"(": ")", "[": "]", "{": "}"}
_TOKEN = re.compile(
    r"""(?P<space>(?:\s|//[^\n]*)+)
    |(?P<string>[rR](?:\"{3}.*?\"{3}|'{3}.*?'{3}|"[^"\n]*"|'[^'\n]*')
      |\"{3}(?:\\.|[^\\])*?\"{3}|'{3}(?:\\.|[^\\])*?'{3}|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')
    |(?P<number>0x[0-9a-fA-F]+u?|[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?u?)
    |(?P<name>[A-Za-z_][A-Za-z0-9_]*)
    |(?P<operator>&&|\|\||[=!<>]=|[-+*/%!<>?:.,()\[\]{}])""",
    re.VERBOSE | re.DOTALL,
)


class InvalidExpression(ValueError):
    """The message says what is wrong, and where."""


@dataclass(frozen=True, slots=True)
class Token:
    kind: str
    text: str
    start: int

    @property
    def literal(self) -> str | None:
        """The value of a string without escapes."""
        if self.kind != "string" or "\\" in self.text or self.text[0] in "rR":
            return None
        return self.text[3:-3] if self.text[:3] in ('"""', "'''") else self.text[1:-1]


@dataclass(frozen=True, slots=True)
class Reference:
    """An attribute of `user` that an expression names: `user.name`, `user["urn:…"].name`, with a part, or
    `user["urn:…"]` alone."""

    urn: str | None
    name: str | None
    part: str | None
    start: int

    @property
    def key(self) -> str:
        """The member of the document."""
        return self.urn if self.urn is not None else self.name or ""

    @property
    def path(self) -> str | None:
        """As SCIM writes it; None for a schema as a whole."""
        is_schema = self.urn is not None and self.urn.lower().startswith("urn:")
        names = [name for name in (None if is_schema else self.urn, self.name, self.part) if name is not None]
        if not names:
            return None
        return f"{self.urn}:{'.'.join(names)}" if is_schema else ".".join(names)


@dataclass(frozen=True, slots=True)
class ExpressionText:
    tokens: Sequence[Token]
    references: Sequence[Reference]
    reads_all: bool
    """`user` stands where no attribute can be told from the text."""


@dataclass(slots=True)
class _Scope:
    """What an opening bracket began."""

    bracket: Token
    comprehension: bool = False
    bound: str | None = None


@dataclass(slots=True)
class _Counts:
    choices: int = 0
    comprehensions: int = 0
    sums: int = 0
    sums_in_comprehensions: int = 0
    scopes: list[_Scope] = field(default_factory=list)


def place(text: str, start: int) -> str:
    """Words for a position in a text."""
    line = text.count("\n", 0, start) + 1
    character = start - (text.rfind("\n", 0, start) + 1) + 1
    return f"line {line}, character {character}" if "\n" in text.strip() else f"character {character}"


def error_at(text: str, start: int, reason: str) -> InvalidExpression:
    return InvalidExpression(f"{reason} ({place(text, start)})")


def suggestion(name: str, known: Sequence[str]) -> str:
    """`; did you mean …?`, where a known name is close."""
    for candidate in known:
        if candidate.lower() == name.lower():
            return f"; did you mean {candidate}? Case matters in expressions"
    close = get_close_matches(name, known, n=1)
    return f"; did you mean {close[0]}?" if close else ""


def read_text(text: str) -> ExpressionText:
    """Raises `InvalidExpression`. What is sound here may still be refused by the parser of the language."""
    tokens = tuple(_tokens(text))
    if not tokens:
        raise InvalidExpression("an expression is expected, the text is empty")
    if len(tokens) > MOST_TOKENS:
        raise InvalidExpression(f"the expression is too long: {MOST_TOKENS} words and signs are the most")
    _check(text, tokens)
    references, reads_all = _references(tokens)
    return ExpressionText(tokens, references, reads_all)


def _tokens(text: str) -> Iterator[Token]:
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            what = "a text that isn't closed" if text[position] in "\"'" else f"unexpected {text[position]!r}"
            raise error_at(text, position, what)
        if match.lastgroup is not None and match.lastgroup != "space":
            yield Token(match.lastgroup, match.group(), position)
        position = match.end()


def _check(text: str, tokens: Sequence[Token]) -> None:
    counts = _Counts()
    for index, token in enumerate(tokens):
        before = tokens[index - 1].text if index else ""
        after = tokens[index + 1].text if index + 1 < len(tokens) else ""
        if token.kind == "name":
            _check_name(text, token, before, after, counts.scopes)
        elif token.kind == "operator":
            _check_operator(text, tokens, index, counts)
    if counts.scopes:
        raise error_at(text, counts.scopes[-1].bracket.start, f"{counts.scopes[-1].bracket.text!r} isn't closed")


def _check_name(text: str, token: Token, before: str, after: str, scopes: Sequence[_Scope]) -> None:
    name = token.text
    if before == ".":
        if after == "(" and name not in METHODS and name not in COMPREHENSIONS:
            known = sorted(METHODS | COMPREHENSIONS)
            raise error_at(text, token.start, f"unknown function {name!r}{suggestion(name, known)}")
    elif after == "(":
        if name not in FUNCTIONS and name != "has":
            hint = f"; write x.{name}(…)" if name in METHODS or name in COMPREHENSIONS else ""
            hint = hint or suggestion(name, sorted(FUNCTIONS | METHODS))
            raise error_at(text, token.start, f"unknown function {name!r}{hint}")
    elif after == "{":
        raise error_at(text, token.start, f"unexpected '{{' after {name!r}")
    elif name not in _KEYWORDS and name != "user" and all(scope.bound != name for scope in scopes):
        raise error_at(text, token.start, f"unknown variable {name!r}: an expression reads `user`")


def _check_operator(text: str, tokens: Sequence[Token], index: int, counts: _Counts) -> None:
    token, scopes = tokens[index], counts.scopes
    if token.text in _CLOSING:
        scopes.append(_opened(text, tokens, index, counts))
        if len(scopes) > DEEPEST:
            raise error_at(text, token.start, f"brackets are nested too deep: {DEEPEST} levels are the most")
    elif token.text in _CLOSING.values():
        if not scopes or _CLOSING[scopes[-1].bracket.text] != token.text:
            raise error_at(text, token.start, f"unexpected {token.text!r}")
        scopes.pop()
    elif token.text == "." and not _ends_a_value(tokens, index - 1):
        raise error_at(text, token.start, "unexpected '.'")
    elif token.text == "?":
        counts.choices += 1
        if counts.choices > MOST_CHOICES:
            raise error_at(text, token.start, f"too many choices (?): {MOST_CHOICES} are the most")
    elif token.text == "+":
        counts.sums += 1
        counts.sums_in_comprehensions += any(scope.comprehension for scope in scopes)
        if counts.sums > MOST_SUMS:
            raise error_at(text, token.start, f"too many sums (+): {MOST_SUMS} are the most")
        if counts.sums_in_comprehensions > MOST_SUMS_IN_COMPREHENSIONS:
            most = MOST_SUMS_IN_COMPREHENSIONS
            raise error_at(text, token.start, f"too many sums (+) inside of map, filter and the like: {most} at most")


def _ends_a_value(tokens: Sequence[Token], index: int) -> bool:
    return index >= 0 and (tokens[index].kind != "operator" or tokens[index].text in _CLOSING.values())


def _opened(text: str, tokens: Sequence[Token], index: int, counts: _Counts) -> _Scope:
    called = tokens[index - 1] if index > 1 and tokens[index - 2].text == "." else None
    if tokens[index].text != "(" or called is None or called.text not in COMPREHENSIONS or called.kind != "name":
        if called is not None and called.text == "matches":
            _check_pattern(text, tokens, index + 1)
        return _Scope(tokens[index])
    counts.comprehensions += 1
    if counts.comprehensions > MOST_COMPREHENSIONS:
        raise error_at(
            text, called.start, f"too many of map, filter and the like: {MOST_COMPREHENSIONS} are the most"
        )
    if sum(scope.comprehension for scope in counts.scopes) >= DEEPEST_COMPREHENSION:
        deepest = DEEPEST_COMPREHENSION
        raise error_at(text, called.start, f"map, filter and the like are nested too deep: {deepest} levels at most")
    following = tokens[index + 1 : index + 3]
    if [token.kind for token in following] != ["name", "operator"] or following[1].text != ",":
        raise error_at(text, called.start, f"{called.text}: a variable is expected first, as in {called.text}(x, …)")
    if following[0].text == "user" or following[0].text in _KEYWORDS:
        raise error_at(text, following[0].start, f"another name than {following[0].text!r} is expected")
    return _Scope(tokens[index], True, following[0].text)


def _check_pattern(text: str, tokens: Sequence[Token], index: int) -> None:
    """Of `matches`, where it is written there and is the whole argument."""
    if index + 1 >= len(tokens) or tokens[index + 1].text != ")" or tokens[index].kind != "string":
        return
    raw = tokens[index].text
    pattern = raw[2:-1] if raw[0] in "rR" and raw[1:4] not in ('"""', "'''") else tokens[index].literal
    if pattern is None:
        return
    try:
        compile_pattern(pattern)
    except InvalidPattern as error:
        raise error_at(text, tokens[index].start, str(error)) from None


def _references(tokens: Sequence[Token]) -> tuple[Sequence[Reference], bool]:
    references = []
    reads_all = False
    for index, token in enumerate(tokens):
        if token.text != "user" or token.kind != "name" or (index and tokens[index - 1].text == "."):
            continue
        reference = _reference(tokens, index + 1)
        if (
            reference is None
            and index > 1
            and tokens[index - 1].text == "in"
            and tokens[index - 2].literal is not None
        ):
            reference = Reference(tokens[index - 2].literal, None, None, tokens[index - 2].start)
        if reference is None:
            reads_all = True
        else:
            references.append(reference)
    return references, reads_all


def _reference(tokens: Sequence[Token], index: int) -> Reference | None:
    """What follows `user`."""
    urn: str | None = None
    start = index
    if [token.text for token in tokens[index : index + 3 : 2]] == ["[", "]"]:
        urn = tokens[index + 1].literal
        if urn is None:
            return None
        index += 3
    names: list[Token] = []
    while (
        len(names) < 2 and index + 1 < len(tokens) and tokens[index].text == "." and not _is_call(tokens, index + 1)
    ):
        names.append(tokens[index + 1])
        index += 2
    if urn is None and not names:
        return None
    where = tokens[start + 1].start if urn is not None and not names else names[0].start
    name, part = [*(token.text for token in names), None, None][:2]
    return Reference(urn, name, part, where)


def _is_call(tokens: Sequence[Token], index: int) -> bool:
    return index + 1 < len(tokens) and tokens[index + 1].text == "("
