"""YAML as kubectl reads it, with the line of every field.

PyYAML's own constructors differ from kubectl where it matters: they turn `2027-05-01` into a date and `1:30` into
90, and leave `y` a string where kubectl has a boolean. So only PyYAML's events are used, and scalars are resolved
here. Building from events also needs no recursion, and what aliases stand for can be counted.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import yaml

from scim_operator.api import FieldPath

_DEEPEST = 100
_MOST_VALUES = 500_000
"""Keys and values of one file: some 10,000 objects."""
_MOST_BY_ALIASES = 200_000
"""Keys and values that the aliases of one file stand for: a few nested ones can ask for billions."""

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
}
_NUMBERS_BEGIN_WITH = frozenset("0123456789+-.")
_LONGEST_NUMBER = 400
"""Characters. No number is longer, and Python refuses to print one of thousands of digits."""
_DECIMAL = re.compile(r"[-+]?[0-9]+", re.ASCII)
_BASED = re.compile(r"([-+]?)0(?:b([01]+)|o([0-7]+)|x([0-9a-fA-F]+))", re.ASCII)
_OCTAL = re.compile(r"([-+]?)0([0-7]+)", re.ASCII)
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", re.ASCII)

_STRING_OR_TAB = re.compile(r'"(?:[^"\\]|\\.)*"?|\t', re.DOTALL)
_HALVES = re.compile(r"(?<!\\)((?:\\\\)*)\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})", re.ASCII)

_TAG = "tag:yaml.org,2002:"
_COLLECTION_TAGS = frozenset((None, "!", _TAG + "map", _TAG + "seq"))
_TYPES: dict[str, type | tuple[type, ...]] = {
    _TAG + "null": type(None),
    _TAG + "bool": bool,
    _TAG + "int": int,
    _TAG + "float": (int, float),
}

_MERGE = object()
"""In the place of a key: `<<`."""

_ROOT_KEYS = frozenset(("apiVersion", "kind", "metadata", "spec"))


class YamlError(ValueError):
    """Text that is not YAML, or more than is accepted. `line` counts from 1."""

    def __init__(self, line: int, message: str) -> None:
        self.line = line
        self.message = message
        super().__init__(f"line {line}: {message}")


class Lines:
    """The line of each field or item of one mapping or list, and the same of the mappings and lists in it."""

    __slots__ = ("inner", "own")

    def __init__(self) -> None:
        self.own: dict[str | int, int] = {}
        self.inner: dict[str | int, Lines] = {}


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML document as JSON values. What aliases stand for is shared, not copied: change nothing in it."""

    value: Any
    line: int
    lines: Lines | None

    def line_of(self, path: FieldPath) -> int:
        """The line of a field or list item, or of the nearest one around it that is there."""
        line, lines = self.line, self.lines
        for part in path:
            if lines is None or part not in lines.own:
                break
            line, lines = lines.own[part], lines.inner.get(part)
        return line


def parse_documents(text: str) -> list[Document]:
    """The documents of a file; empty ones are left out. Raises `YamlError`.

    A key that stands twice in one mapping is an error: kubectl takes the last one without a word.
    """
    try:
        yaml_text = _as_yaml(text) if text.lstrip().startswith("{") else text
        return [document for document in _Building().documents(yaml_text) if document.value is not None]
    except YamlError as error:
        raise YamlError(error.line, f"{error.message}{_hint(error, text)}") from None


def _as_yaml(text: str) -> str:
    """JSON as YAML, line by line: libyaml takes no tabs between its parts, no character in two halves."""
    return _STRING_OR_TAB.sub(lambda found: _HALVES.sub(_joined, found[0]) if found[0] != "\t" else " ", text)


def _joined(halves: re.Match[str]) -> str:
    escaped_backslashes, high, low = halves.groups()
    return escaped_backslashes + chr(0x10000 + (int(high, 16) - 0xD800 << 10) + int(low, 16) - 0xDC00)


def _hint(error: YamlError, text: str) -> str:
    """What is probably the matter, from the look of the line and the one before."""
    lines = text.splitlines()[max(error.line - 2, 0) : error.line]
    if any("{{" in line for line in lines):
        return ": a template? Render it first"
    if error.message.startswith("mapping values are not allowed") and lines:
        several = lines[-1].count(": ") + lines[-1].rstrip().endswith(":") > 1
        return ": quote the value" if several else ": is the line indented as it should be?"
    return ""


class _Anchored(NamedTuple):
    """What an alias stands for."""

    value: Any
    lines: Lines | None
    key: Any
    """As `_Open.key`; None for what can't be one."""

    size: int
    depth: int


class _Open:
    """A mapping or list whose end has not come yet."""

    __slots__ = ("anchor", "before", "deepest", "key", "key_line", "line", "lines", "merged", "merged_lines", "value")

    def __init__(self, value: Any, line: int, anchor: str | None, level: int, before: int) -> None:
        self.value = value
        self.line = line
        self.anchor = anchor
        self.lines = Lines()
        self.key: Any = None
        self.key_line = 0
        self.merged: dict[str, Any] | None = None
        self.merged_lines = Lines()
        self.deepest = level
        self.before = before
        """How many values there were before it."""


class _Building:
    """From events to values in one pass, without recursion, so that no nesting and no chain of aliases is too deep.

    Every value that an alias stands for counts each time, also in merged mappings.
    """

    def __init__(self) -> None:
        self._open: list[_Open] = []
        self._anchors: dict[str, _Anchored | None] = {}
        self._count = 0
        self._by_aliases = 0

    def documents(self, text: str) -> Iterator[Document]:
        for event in _events(text):
            kind = type(event)
            line = event.start_mark.line + 1
            if kind is yaml.ScalarEvent:
                value = _scalar(event, line)
                anchored = _Anchored(value, None, _key(event, value), 1, 0)
                if event.anchor is not None:
                    self._anchors[event.anchor] = anchored
                self._add(1, line)
            elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
                self._start(event, {} if kind is yaml.MappingStartEvent else [], line)
                continue
            elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
                anchored, line = self._end()
            elif kind is yaml.AliasEvent:
                anchored = self._alias(event.anchor, line)
            else:
                if kind is yaml.DocumentStartEvent:
                    self._anchors.clear()
                continue
            if self._open:
                self._put(self._open[-1], anchored, line)
            else:
                yield Document(anchored.value, line, anchored.lines)

    def _add(self, count: int, line: int) -> None:
        self._count += count
        if self._count > _MOST_VALUES:
            raise YamlError(line, f"more than {_MOST_VALUES} values")

    def _start(self, event: Any, value: Any, line: int) -> None:
        if len(self._open) >= _DEEPEST:
            raise YamlError(line, f"nested more than {_DEEPEST} levels deep")
        if event.tag not in _COLLECTION_TAGS:
            raise YamlError(line, f"the tag {event.tag} is not supported")
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        self._open.append(_Open(value, line, event.anchor, len(self._open), self._count))
        self._add(1, line)

    def _end(self) -> tuple[_Anchored, int]:
        ended = self._open.pop()
        value, lines = ended.value, ended.lines
        if ended.merged is not None:
            value = {**ended.merged, **value}
            for key, key_line in ended.merged_lines.own.items():
                if key not in lines.own:
                    lines.own[key] = key_line
                    if key in ended.merged_lines.inner:
                        lines.inner[key] = ended.merged_lines.inner[key]
        size, depth = self._count - ended.before, ended.deepest - len(self._open)
        anchored = _Anchored(value, lines, None, size, depth)
        if ended.anchor is not None:
            self._anchors[ended.anchor] = anchored
        return anchored, ended.line

    def _alias(self, anchor: str, line: int) -> _Anchored:
        found = self._anchors.get(anchor)
        if found is None:
            why = "holds itself" if anchor in self._anchors else "is not defined"
            raise YamlError(line, f"the alias *{anchor} {why}")
        self._by_aliases += found.size
        if self._by_aliases > _MOST_BY_ALIASES:
            raise YamlError(line, f"aliases stand for more than {_MOST_BY_ALIASES} values")
        self._add(found.size, line)
        return found

    def _put(self, parent: _Open, one: _Anchored, line: int) -> None:
        value = parent.value
        depth = one.depth
        if type(value) is list:
            part: str | int = len(value)
            value.append(one.value)
        elif parent.key is None:
            if one.key is None:
                raise YamlError(line, "a key must be a string")
            if one.key in value:
                missing = (
                    ": is a line --- missing above it?" if len(self._open) == 1 and one.key in _ROOT_KEYS else ""
                )
                raise YamlError(line, f"the key {one.key!r} stands twice in one mapping{missing}")
            parent.key, parent.key_line = one.key, line
            return
        elif parent.key is _MERGE:
            parent.key = None
            _merge(parent, one, line)
            parent.deepest = max(parent.deepest, len(self._open) + depth - (2 if type(one.value) is list else 1))
            return
        else:
            part, line, parent.key = parent.key, parent.key_line, None
            value[part] = one.value
        deepest = len(self._open) + depth
        if deepest > _DEEPEST:
            raise YamlError(line, f"nested more than {_DEEPEST} levels deep")
        if deepest > parent.deepest:
            parent.deepest = deepest
        parent.lines.own[part] = line
        if one.lines is not None:
            parent.lines.inner[part] = one.lines


def _merge(parent: _Open, one: _Anchored, line: int) -> None:
    """`<<: *base` or a list of them: the first to hold a key wins, the mapping's own keys over all."""
    if parent.merged is None:
        parent.merged = {}
    if type(one.value) is list:
        inner = one.lines.inner if one.lines is not None else {}
        sources = [(source, inner.get(index)) for index, source in enumerate(one.value)]
    else:
        sources = [(one.value, one.lines)]
    for source, lines in sources:
        if type(source) is not dict or lines is None:
            raise YamlError(line, "a mapping is expected after <<")
        for key, value in source.items():
            if key not in parent.merged:
                parent.merged[key] = value
                parent.merged_lines.own[key] = lines.own[key]
                if key in lines.inner:
                    parent.merged_lines.inner[key] = lines.inner[key]


def _events(text: str) -> Iterator[Any]:
    try:
        yield from yaml.parse(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise YamlError(mark.line + 1 if mark else 1, error.problem or "not YAML") from None
    except yaml.YAMLError as error:  # characters that YAML doesn't allow, which carry a position and no line
        position = getattr(error, "position", 0)
        line = text.count("\n", 0, position if isinstance(position, int) else 0) + 1
        raise YamlError(line, str(getattr(error, "reason", None) or "not YAML")) from None


def _scalar(event: Any, line: int) -> Any:
    text: str = event.value
    plain, _ = event.implicit
    tag = event.tag
    if tag is None or tag == "!" or plain:
        return _resolve(text) if plain else text
    if tag == _TAG + "str":
        return text
    if tag not in _TYPES:
        raise YamlError(line, f"the tag {tag} is not supported")
    value = _resolve(text)
    if not isinstance(value, _TYPES[tag]):
        raise YamlError(line, f"{_shortened(text)!r} is not of the type that its tag says")
    return value


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_NUMBER else f"{text[:60]}…"


def _key(event: Any, value: Any) -> Any:
    """What the scalar is as a key: a string, `_MERGE` or None."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    text: str = event.value
    return _MERGE if text == "<<" and event.implicit[0] else text


def _resolve(text: str) -> Any:
    """A plain scalar, by the rules of YAML 1.1 as far as kubectl follows them."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _NUMBERS_BEGIN_WITH or len(text) > _LONGEST_NUMBER:
        return text
    digits = text.replace("_", "")
    if based := _BASED.fullmatch(digits):
        sign, binary, octal, hexadecimal = based.groups()
        number = int(binary, 2) if binary else int(octal, 8) if octal else int(hexadecimal, 16)
        return -number if sign == "-" else number
    if old_octal := _OCTAL.fullmatch(digits):
        return int(old_octal[1] + old_octal[2], 8)
    if _DECIMAL.fullmatch(digits):
        return int(digits)
    if _FLOAT.fullmatch(digits) and math.isfinite(real := float(digits)):
        return real
    return text
