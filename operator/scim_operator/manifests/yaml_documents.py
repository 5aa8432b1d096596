"""YAML as kubectl reads it, with the line of every field.

PyYAML's own constructors differ from kubectl where it matters: they turn `2027-05-01` into a date and `1:30` into
90, and leave `y` a string where kubectl has a boolean. So only PyYAML's events are used, and scalars are resolved
here. Building from events also needs no recursion before depth is known, and aliases can be counted.
"""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from scim_operator.api import FieldPath

_DEEPEST = 100
_MOST_VALUES = 200_000
"""Values of one document after aliases are expanded: a few nested aliases can ask for billions."""

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_NULL = frozenset(("", "~", "null", "Null", "NULL"))
_TRUE = frozenset(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"))
_FALSE = frozenset(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"))
_DECIMAL = re.compile(r"[-+]?[0-9]+", re.ASCII)
_BASED = re.compile(r"([-+]?)0(?:b([01]+)|o([0-7]+)|x([0-9a-fA-F]+))", re.ASCII)
_OCTAL = re.compile(r"([-+]?)0([0-7]+)", re.ASCII)
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", re.ASCII)

_TAG = "tag:yaml.org,2002:"


class YamlError(ValueError):
    """Text that is not YAML, or more than is accepted. `line` counts from 1."""

    def __init__(self, line: int, message: str) -> None:
        self.line = line
        self.message = message
        super().__init__(f"line {line}: {message}")


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML document as JSON values."""

    value: Any
    line: int
    lines: Mapping[FieldPath, int]
    """The line of each field and list item, by path from the root."""


def parse_documents(text: str) -> list[Document]:
    """The documents of a file; empty ones are left out. Raises `YamlError`.

    A key that stands twice in one mapping is an error: kubectl takes the last one without a word.
    """
    return [document for root in _roots(text) if (document := _Expansion().document(root)).value is not None]


@dataclass(slots=True)
class _Node:
    line: int
    scalar: Any = None
    text: str | None = None
    items: "list[_Node] | None" = None
    entries: "list[tuple[_Node, _Node]] | None" = None
    merge: bool = False


@dataclass(slots=True)
class _Open:
    """A mapping or list whose end has not come yet."""

    node: _Node
    anchor: str | None
    key: _Node | None = field(default=None)


def _roots(text: str) -> Iterator[_Node]:
    open_: list[_Open] = []
    anchors: dict[str, _Node | None] = {}
    for event in _events(text):
        line = event.start_mark.line + 1
        if isinstance(event, yaml.DocumentStartEvent):
            anchors.clear()
            continue
        if isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            if len(open_) >= _DEEPEST:
                raise YamlError(line, f"nested more than {_DEEPEST} levels deep")
            _check_collection_tag(event, line)
            node = _Node(line, entries=[]) if isinstance(event, yaml.MappingStartEvent) else _Node(line, items=[])
            if event.anchor is not None:
                anchors[event.anchor] = None
            open_.append(_Open(node, event.anchor))
            continue
        if isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            ended = open_.pop()
            node = ended.node
            if ended.anchor is not None:
                anchors[ended.anchor] = node
        elif isinstance(event, yaml.ScalarEvent):
            node = _scalar(event, line)
            if event.anchor is not None:
                anchors[event.anchor] = node
        elif isinstance(event, yaml.AliasEvent):
            anchor = str(event.anchor)
            found = anchors.get(anchor)
            if found is None:
                why = "holds itself" if anchor in anchors else "is not defined"
                raise YamlError(line, f"the alias *{anchor} {why}")
            node = found
        else:
            continue
        if not open_:
            yield node
        else:
            _put(open_[-1], node)


def _put(parent: _Open, node: _Node) -> None:
    if parent.node.items is not None:
        parent.node.items.append(node)
    elif parent.key is None:
        parent.key = node
    else:
        assert parent.node.entries is not None  # noqa: S101 - it has no items, so it is a mapping
        parent.node.entries.append((parent.key, node))
        parent.key = None


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


def _check_collection_tag(event: Any, line: int) -> None:
    if event.tag not in (None, "!", _TAG + "map", _TAG + "seq"):
        raise YamlError(line, f"the tag {event.tag} is not supported")


def _scalar(event: Any, line: int) -> _Node:
    text: str = event.value
    plain, _ = event.implicit
    if event.tag in (None, "!") or plain:
        if not plain:
            return _Node(line, text, text)
        return _Node(line, _resolve(text), text, merge=text == "<<")
    if event.tag == _TAG + "str":
        return _Node(line, text, text)
    types: dict[str, type | tuple[type, ...]] = {
        "null": type(None),
        "bool": bool,
        "int": int,
        "float": (int, float),
    }
    wanted = types.get(event.tag.removeprefix(_TAG))
    value = _resolve(text)
    if wanted is None:
        raise YamlError(line, f"the tag {event.tag} is not supported")
    if not isinstance(value, wanted):
        raise YamlError(line, f"{text!r} is not of the type that its tag says")
    return _Node(line, value, text)


def _resolve(text: str) -> Any:
    """A plain scalar, by the rules of YAML 1.1 as far as kubectl follows them."""
    if text in _NULL:
        return None
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    if not (text[0].isdigit() or text[0] in "+-."):
        return text
    digits = text.replace("_", "")
    if based := _BASED.fullmatch(digits):
        sign, binary, octal, hexadecimal = based.groups()
        number = int(binary, 2) if binary else int(octal, 8) if octal else int(hexadecimal, 16)
        return -number if sign == "-" else number
    if old_octal := _OCTAL.fullmatch(digits):
        return int(old_octal[1] + old_octal[2], 8)
    if len(digits) > 400:  # longer than any number, and `int` refuses it
        return text
    if _DECIMAL.fullmatch(digits):
        return int(digits)
    if _FLOAT.fullmatch(digits) and math.isfinite(real := float(digits)):
        return real
    return text


class _Expansion:
    """Nodes to values: aliases become copies, as far as the bounds allow."""

    def __init__(self) -> None:
        self._count = 0
        self._lines: dict[FieldPath, int] = {}

    def document(self, root: _Node) -> Document:
        return Document(self._value(root, ()), root.line, self._lines)

    def _value(self, node: _Node, path: FieldPath) -> Any:
        self._count += 1
        if self._count > _MOST_VALUES:
            raise YamlError(node.line, f"more than {_MOST_VALUES} values")
        if len(path) > _DEEPEST:
            raise YamlError(node.line, f"nested more than {_DEEPEST} levels deep")
        if node.items is not None:
            values = []
            for index, item in enumerate(node.items):
                self._lines[*path, index] = item.line
                values.append(self._value(item, (*path, index)))
            return values
        if node.entries is not None:
            return self._mapping(node, path)
        return node.scalar

    def _mapping(self, node: _Node, path: FieldPath) -> dict[str, Any]:
        own: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for key_node, value_node in node.entries or ():
            if key_node.merge:
                self._merge(value_node, path, merged)
                continue
            key = _key(key_node)
            if key in own:
                raise YamlError(key_node.line, f"the key {key!r} stands twice in one mapping")
            self._lines[*path, key] = key_node.line
            own[key] = self._value(value_node, (*path, key))
        return {**merged, **own}

    def _merge(self, node: _Node, path: FieldPath, into: dict[str, Any]) -> None:
        """`<<: *base` or a list of them: the first to hold a key wins, the mapping's own keys over all."""
        for source in node.items if node.items is not None else (node,):
            if source.entries is None:
                raise YamlError(source.line, "a mapping is expected after <<")
            for key, value in self._mapping(source, path).items():
                into.setdefault(key, value)


def _key(node: _Node) -> str:
    if node.text is None or node.scalar is None:
        raise YamlError(node.line, "a key must be a string")
    if isinstance(node.scalar, bool):
        return "true" if node.scalar else "false"
    return node.text
