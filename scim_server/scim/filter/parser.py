"""Filter text → AST, and the paths of PATCH operations, which share the grammar (RFC 7644 figures 1 and 7).

Beyond the RFC, because providers send it: unquoted literals (Entra ID), booleans as strings, a sub-attribute after
a value path (`emails[type eq "work"].value eq "x"`, Entra ID), complex attributes compared by their `value`
(`members eq "id"`), extension attributes without URN, operators and names in any case, spaces anywhere, and
backslashes that aren't escaped (`"CORP\\bob"`; see `strings`).

What isn't understood is an error that names it. An empty answer instead would make providers create duplicates.

For strict tenants (`strict`) the grammar is the RFC's alone, but for spaces: literals are JSON of the attribute's
type, nothing follows a value path in a filter, extension attributes have their URN, and of complex attributes only
those with several values compare by their `value`, as in the RFC's own example `emails co "example.com"`.
"""

import math
import re
from dataclasses import dataclass
from typing import Literal as OneOf
from typing import NamedTuple, get_args

from scim_server.folding import fold
from scim_server.scim.errors import InvalidFilter, InvalidPath
from scim_server.scim.filter.ast import (
    Comparison,
    Filter,
    Literal,
    Not,
    Operator,
    Present,
    ValuePath,
    conjunction,
    disjunction,
)
from scim_server.scim.filter.strings import json_reading, readings
from scim_server.scim.filter.target import TargetPath
from scim_server.scim.path import AttributePath, UnresolvedPath, resolve, sub_attribute_of
from scim_server.scim.schema import Attribute, ResourceType
from scim_server.scim.values import INTEGER_LIMIT, as_boolean, decimal, instant, integer, is_storable, shown

MAX_LENGTH = 16_384
"""Characters of a filter in a query: more than a URL carries."""

MAX_TERMS = 400
"""Comparisons in a filter: as many ids as fit into its length. SQLite has a limit too, of about twice as many."""

MAX_PATH_LENGTH = 1_048_576
"""Characters of a PATCH path that selects members: thousands may stand in one, and each is looked at once. Any other
selection is asked of every element, so it is bounded as a filter is."""

MAX_DEPTH = 20
"""Parentheses, brackets and `not` within each other."""

_TOKEN = re.compile(
    r"""[ \t\r\n]*(?: (?P<string>"(?:[^"\\]|\\.)*") | (?P<mark>[()\[\]]) | (?P<word>[^\s()\[\]"]+) )""",
    re.VERBOSE | re.DOTALL,
)
_JSON_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_COMPARING: dict[str, Operator] = {operator: operator for operator in get_args(Operator)}
_TEXT_ONLY = frozenset({"co", "sw", "ew"})
_ORDERED = frozenset({"gt", "ge", "lt", "le"})
_TEXT_TYPES = frozenset({"string", "reference"})
_UNORDERED_TYPES = frozenset({"boolean", "binary"})


class _Token(NamedTuple):
    kind: OneOf["string", "mark", "word", "end"]
    text: str
    start: int
    end: int
    other_reading: str | None = None
    """Of a string with backslashes: what else it may mean."""


def parse(
    text: str,
    resource_type: ResourceType,
    *,
    strict: bool = False,
    max_length: int = MAX_LENGTH,
    max_terms: int = MAX_TERMS,
    max_depth: int = MAX_DEPTH,
) -> Filter:
    """Parse a filter. Raises InvalidFilter naming the attribute, operator or value that isn't understood."""
    if len(text) > max_length:
        raise InvalidFilter(
            f"the filter has {len(text)} characters; at most {max_length} are accepted", reason="too long"
        )
    parser = _Parser(text, resource_type, max_terms, max_depth, strict=strict, both_readings=True)
    parsed = parser.disjunction(0, within=None)
    parser.expect_end()
    return parsed


def parse_path(text: str, resource_type: ResourceType, *, strict: bool = False) -> TargetPath:
    """Parse the path of a PATCH operation: `title`, `name.familyName`, `emails[type eq "work"].value`.

    Raises InvalidPath; InvalidFilter for what stands in brackets; UnresolvedPath for an attribute that doesn't
    exist, since its caller decides whether that is an error.
    """
    name, bracket, _ = text.partition("[")
    if not bracket:
        path = resolve(text.strip(), resource_type, strict=strict)
        return TargetPath(path.schema_urn, path.attribute, path.sub_attribute)
    selects_members = re.split("[:.]", name.strip().lower())[-1] == "members"
    max_length = MAX_PATH_LENGTH if selects_members else MAX_LENGTH
    if len(text) > max_length:
        raise InvalidPath(
            f"the path has {len(text)} characters; at most {max_length} are accepted", reason="too long"
        )
    max_terms = MAX_PATH_LENGTH if selects_members else MAX_TERMS
    return _Parser(text, resource_type, max_terms, MAX_DEPTH, strict=strict).value_path_as_target()


@dataclass(frozen=True, slots=True)
class _Selection:
    """`emails[type eq "work"]` with the sub-attribute that may follow the bracket."""

    path: AttributePath
    filter: Filter
    sub_attribute: Attribute | None


class _Parser:
    def __init__(
        self,
        text: str,
        resource_type: ResourceType,
        max_terms: int,
        max_depth: int,
        *,
        strict: bool,
        both_readings: bool = False,
    ) -> None:
        self._text = text
        self._resource_type = resource_type
        self._max_terms = max_terms
        self._max_depth = max_depth
        self._terms = 0
        self._strict = strict
        self._both_readings = both_readings
        self._tokens = _tokens(text, strict=strict)
        self._next = 0

    # Grammar. `within` is the complex attribute in whose brackets the parser is, or None.

    def disjunction(self, depth: int, *, within: AttributePath | None) -> Filter:
        if depth > self._max_depth:
            raise InvalidFilter(f"the filter is nested more than {self._max_depth} deep")
        items = [self._conjunction(depth, within=within)]
        while self._take_word("or"):
            items.append(self._conjunction(depth, within=within))
        return disjunction(items)

    def _conjunction(self, depth: int, *, within: AttributePath | None) -> Filter:
        items = [self._term(depth, within=within)]
        while self._take_word("and"):
            items.append(self._term(depth, within=within))
        return conjunction(items)

    def _term(self, depth: int, *, within: AttributePath | None) -> Filter:
        if self._take_mark("("):
            return self._rest_of_group(depth, within=within)
        token = self._peek()
        if token.kind == "word" and token.text.lower() == "not" and self._peek(1).text == "(":
            self._next += 2
            return Not(self._rest_of_group(depth, within=within))
        if token.kind != "word":
            raise self._unexpected("an attribute name")
        self._next += 1
        if within is not None:
            return self._comparison(self._inner_path(token.text, within))
        path = self._path(token.text)
        if not self._take_mark("["):
            return self._comparison(path)
        try:
            selection = self._rest_of_selection(path, depth)
        except UnresolvedPath as error:
            raise _unknown_attribute(error) from None
        if selection.sub_attribute is None:
            return ValuePath(path, selection.filter)
        if self._strict:
            name = selection.sub_attribute.name
            raise InvalidFilter(
                f"nothing may follow {path}[…] in a filter: write .{name} as a term inside it", attribute=str(path)
            )
        term = self._comparison(AttributePath(path.schema_urn, path.attribute, selection.sub_attribute))
        if isinstance(term, Not):
            return Not(ValuePath(path, conjunction((selection.filter, term.item))))
        return ValuePath(path, conjunction((selection.filter, term)))

    def _rest_of_group(self, depth: int, *, within: AttributePath | None) -> Filter:
        inner = self.disjunction(depth + 1, within=within)
        if not self._take_mark(")"):
            raise self._unexpected('")"')
        return inner

    def _rest_of_selection(self, path: AttributePath, depth: int) -> _Selection:
        if path.sub_attribute is not None or not (path.attribute.multi_valued or path.attribute.type == "complex"):
            raise InvalidFilter(
                f"{path} is neither complex nor multi-valued, so it takes no [filter]",
                attribute=str(path),
                reason="takes no filter",
            )
        inner = self.disjunction(depth + 1, within=path)
        closing = self._peek()
        if not self._take_mark("]"):
            raise self._unexpected('"]"')
        following = self._peek()
        if following.kind != "word" or following.start != closing.end or not following.text.startswith("."):
            return _Selection(path, inner, None)
        self._next += 1
        if path.attribute.element is not path.attribute and following.text.lower() == ".value" and not self._strict:
            return _Selection(path, inner, None)
        return _Selection(path, inner, sub_attribute_of(path.attribute, following.text[1:]))

    def value_path_as_target(self) -> TargetPath:
        token = self._peek()
        if token.kind != "word":
            raise InvalidPath(f"the path {shown(self._text)} doesn't begin with an attribute name")
        self._next += 1
        path = resolve(token.text, self._resource_type, strict=self._strict)
        if not self._take_mark("["):
            raise InvalidPath(f"the path {shown(self._text)} isn't an attribute path")
        selection = self._rest_of_selection(path, 0)
        if self._peek().kind != "end":
            raise InvalidPath(f"the path {shown(self._text)} goes on after its filter and sub-attribute")
        return TargetPath(path.schema_urn, path.attribute, selection.sub_attribute, selection.filter)

    def _comparison(self, path: AttributePath) -> Filter:
        self._terms += 1
        if self._terms > self._max_terms:
            raise InvalidFilter(f"the filter has more than {self._max_terms} comparisons")
        token = self._peek()
        operator = token.text.lower()
        if token.kind != "word":
            raise self._unexpected(f"an operator after {path}")
        if operator == "pr":
            self._next += 1
            return Present(path)
        if operator != "ne" and operator not in _COMPARING:
            raise InvalidFilter(
                f"unknown operator {shown(token.text)} after {path}; expected eq, ne, co, sw, ew, gt, ge, lt, "
                "le or pr"
            )
        self._next += 1
        value = self._peek()
        if value.kind not in ("string", "word"):
            raise self._unexpected(f"a value after {path} {operator}")
        self._next += 1
        if value.kind == "word" and (value.text if self._strict else value.text.lower()) == "null":
            return _comparison_with_null(path, operator)
        path = self._compared_by_value(path)
        if self._strict:
            _check_json(path, value)
        if operator == "ne":
            return Not(self._compared(path, "eq", value))
        _check_operator(path, _COMPARING[operator])
        return self._compared(path, _COMPARING[operator], value)

    def _compared(self, path: AttributePath, operator: Operator, value: _Token) -> Filter:
        comparison = Comparison(path, operator, _literal(path, value))
        if operator == "eq":
            _check_known(path, value.text)
        other = value.other_reading
        # The paths of a PATCH go by the likeliest reading: what they select may have to be created.
        if other is None or not self._both_readings or path.target.type not in _TEXT_TYPES or operator in _ORDERED:
            return comparison
        self._terms += 1
        return disjunction((comparison, Comparison(path, operator, other)))

    def _compared_by_value(self, path: AttributePath) -> AttributePath:
        """`members eq "id"` means `members.value eq "id"`; a complex attribute without `value` can't be compared."""
        if path.target.type != "complex":
            return path
        value = None if path.sub_attribute else path.attribute.sub_attribute("value")
        if value is None or (self._strict and not path.attribute.multi_valued):
            raise InvalidFilter(
                f"{path} is complex: compare one of its sub-attributes", attribute=str(path), reason="complex"
            )
        return AttributePath(path.schema_urn, path.attribute, value)

    # Names

    def _path(self, text: str) -> AttributePath:
        try:
            path = resolve(text, self._resource_type, strict=self._strict)
        except UnresolvedPath as error:
            raise _unknown_attribute(error) from None
        if path.target.returned == "never":
            raise InvalidFilter(
                f"{path} is never returned, so it can't be filtered on", attribute=str(path), reason="never returned"
            )
        return path

    def _inner_path(self, text: str, within: AttributePath) -> AttributePath:
        if within.attribute.element is not within.attribute and text.lower() == "value":
            return AttributePath(within.schema_urn, within.attribute, within.attribute.element)
        try:
            return AttributePath(within.schema_urn, within.attribute, sub_attribute_of(within.attribute, text))
        except UnresolvedPath as error:
            raise _unknown_attribute(error) from None

    # Tokens

    def expect_end(self) -> None:
        if self._peek().kind != "end":
            raise self._unexpected('"and", "or" or the end (a value with spaces stands in double quotes)')

    def _peek(self, ahead: int = 0) -> _Token:
        return self._tokens[min(self._next + ahead, len(self._tokens) - 1)]

    def _take_word(self, lowered: str) -> bool:
        token = self._peek()
        if token.kind == "word" and token.text.lower() == lowered:
            self._next += 1
            return True
        return False

    def _take_mark(self, mark: str) -> bool:
        token = self._peek()
        if token.kind == "mark" and token.text == mark:
            self._next += 1
            return True
        return False

    def _unexpected(self, expected: str) -> InvalidFilter:
        token = self._peek()
        found = "the end" if token.kind == "end" else shown(token.text)
        return InvalidFilter(
            f"expected {expected} at position {token.start}, found {found}", reason="the filter can't be parsed"
        )


def _tokens(text: str, *, strict: bool) -> list[_Token]:
    tokens: list[_Token] = []
    position = 0
    while found := _TOKEN.match(text, position):
        position = found.end()
        kind = found.lastgroup
        if kind == "string":
            quoted = found["string"]
            first, *others = (json_reading(quoted),) if strict else readings(quoted)
            tokens.append(_Token("string", first, found.start("string"), position, *others))
        elif kind == "mark":
            tokens.append(_Token("mark", found["mark"], found.start("mark"), position))
        else:
            tokens.append(_Token("word", found["word"], found.start("word"), position))
    rest = text[position:].strip()
    if rest.startswith('"'):
        raise InvalidFilter(f"the string {shown(rest)} isn't closed by a double quote")
    if rest:
        raise InvalidFilter(f"{shown(rest)} isn't part of a filter")
    tokens.append(_Token("end", "", len(text), len(text)))
    return tokens


def _unknown_attribute(error: UnresolvedPath) -> InvalidFilter:
    return InvalidFilter(
        f"unknown attribute {shown(error.name)}: {error.reason}", attribute=error.name, reason="unknown attribute"
    )


def _comparison_with_null(path: AttributePath, operator: str) -> Filter:
    if operator == "eq":
        return Not(Present(path))
    if operator == "ne":
        return Present(path)
    raise InvalidFilter(
        f"{path} {operator} null: null compares with eq and ne only",
        attribute=str(path),
        reason="null compares with eq and ne only",
    )


def _check_operator(path: AttributePath, operator: Operator) -> None:
    type_ = path.target.type
    if (operator in _TEXT_ONLY and type_ not in _TEXT_TYPES) or (operator in _ORDERED and type_ in _UNORDERED_TYPES):
        raise InvalidFilter(
            f"operator {operator} doesn't apply to {path}, which is of type {type_}",
            attribute=str(path),
            reason="the operator doesn't apply to its type",
        )


def _check_known(path: AttributePath, text: str) -> None:
    """Of a read-only attribute all values are ours, so that another one is a mistake."""
    attribute = path.target
    if not attribute.canonical_values or attribute.mutability != "readOnly":
        return
    values = attribute.canonical_values
    if text not in values and (attribute.case_exact or fold(text) not in map(fold, values)):
        raise _wrong_literal(path, f"one of {', '.join(values)}", text)


def _check_json(path: AttributePath, token: _Token) -> None:
    """What `_literal` reads in any notation must be a literal of JSON, in the attribute's own type."""
    match path.target.type:
        case "boolean":
            if token.kind != "word" or token.text not in ("true", "false"):
                raise _wrong_literal(path, "true or false without quotes", token.text)
        case "integer" | "decimal":
            if token.kind != "word" or not _JSON_NUMBER.fullmatch(token.text):
                raise _wrong_literal(path, "a number without quotes", token.text)
        case _:
            if token.kind != "string":
                raise _wrong_literal(path, "a string in double quotes", token.text)


def _literal(path: AttributePath, token: _Token) -> Literal:
    """The literal in the type of the attribute that it is compared with, whether it was quoted or not."""
    text = token.text
    match path.target.type:
        case "boolean":
            boolean = as_boolean(text)
            if boolean is None:
                raise _wrong_literal(path, "true or false", text)
            return boolean
        case "integer":
            return _integer(path, text)
        case "decimal":
            return _decimal(path, text)
        case "dateTime":
            try:
                return instant(text)
            except ValueError:
                raise _wrong_literal(path, 'a dateTime such as "2026-11-23T08:00:00Z"', text) from None
        case _:
            if token.kind == "word" and text.startswith("'"):
                raise _wrong_literal(path, "a string in double quotes", text)
            if not is_storable(text):
                raise InvalidFilter(
                    f"{path} compares with text that has no NUL and no lone surrogates",
                    attribute=str(path),
                    reason="text that no database takes",
                )
            return text


def _integer(path: AttributePath, text: str) -> int:
    try:
        number = integer(text)
    except ValueError:
        raise _wrong_literal(path, "an integer", text) from None
    if not -INTEGER_LIMIT <= number < INTEGER_LIMIT:
        raise _wrong_literal(path, "an integer of 64 bits", text)
    return number


def _decimal(path: AttributePath, text: str) -> float:
    try:
        number = decimal(text)
    except ValueError:
        raise _wrong_literal(path, "a number", text) from None
    if not math.isfinite(number):
        raise _wrong_literal(path, "a finite number", text)
    return number


def _wrong_literal(path: AttributePath, expected: str, text: str) -> InvalidFilter:
    return InvalidFilter(
        f"{path} compares with {expected}, not {shown(text)}", attribute=str(path), reason=f"compares with {expected}"
    )
