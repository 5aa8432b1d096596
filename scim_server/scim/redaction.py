"""Requests and answers without what is personal or secret in them, for people who debug a provider. Pure.

Names and shapes stay: attributes, how many values there are, whether a value is a text, a number or a truth value,
ids of resources, and the protocol's own words. Every other text is replaced by its length.
"""

import re
from typing import Any

import orjson

from scim_server.scim.schema import JsonObject

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_SCHEMA = re.compile(r"urn:(ietf:params:scim|scim-operator):[A-Za-z0-9:._-]{1,200}")
_UNQUOTED = re.compile(r"(?<= )(eq|ne|co|sw|ew|gt|ge|lt|le) +(?!true\b|false\b|\"…)[^ )\]]+", re.IGNORECASE)
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*(?:"|\Z)', re.DOTALL)
"""Also one that isn't closed."""
_NAME = re.compile(r"[A-Za-z$][A-Za-z0-9_$:.-]{0,199}")
_WORDS = """
    add replace remove post put patch delete user group direct indirect work home other true false ascending
    descending uniqueness invalidvalue invalidpath invalidsyntax invalidfilter mutability notarget toomany
"""
_PROTOCOL = frozenset(_WORDS.split())
"""Words that say nothing of a person, whatever attribute has them. Compared without case."""
_PATHS = frozenset({"path", "filter", "sortby", "attributes", "excludedattributes"})
_BRACKETS = frozenset("[]()")
_OPERATORS = frozenset({"and", "or", "not", "pr", "eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"})
_VALUES = frozenset({'"…"', "…", "true", "false"})
_LONGEST_PATH = 500
_MOST_ELEMENTS = 20
_DEEPEST = 12


def _is_grammar(bare: str) -> bool:
    """Whether nothing is left but attributes and operators: a word that no operator follows may be a value."""
    if not re.fullmatch(r'[A-Za-z0-9$_:.,\[\]() "…-]*', bare):
        return False
    words = re.sub(r"([\[\]()])", r" \1 ", bare).split()
    for word, following in zip(words, [*words[1:], ""], strict=True):
        is_attribute = len(words) == 1 or word.startswith(".") or following.lower() in _OPERATORS | {"["}
        if not is_attribute and word.lower() not in _OPERATORS and word not in _VALUES | _BRACKETS:
            return False
    return True


def redacted_body(body: bytes, *, complete: bool) -> Any:
    """What is shown of a body; a text that says why, where it can't be."""
    if not body:
        return None
    if not complete:
        return "(too large to be captured)"
    try:
        return redacted(orjson.loads(body))
    except orjson.JSONDecodeError:
        return "(not JSON, or compressed)"


def redacted(value: Any, name: str = "", depth: int = 0) -> Any:
    match value:
        case None | bool():
            return value
        case int() | float():
            return "(number)"
        case str():
            return _text(value, name.lower())
        case _ if depth >= _DEEPEST:
            return "(more)"
        case dict():
            shown: JsonObject = {}
            for key, element in [*value.items()][: 5 * _MOST_ELEMENTS]:
                shown[key if _NAME.fullmatch(key) else "(name)"] = redacted(element, key, depth + 1)
            return shown
        case _:
            elements = [redacted(element, name, depth + 1) for element in value[:_MOST_ELEMENTS]]
            more = len(value) - _MOST_ELEMENTS
            return [*elements, f"({more} more)"] if more > 0 else elements


def redacted_parameter(name: str, value: str) -> str:
    """Of a URL's query."""
    return _text(value, name.lower())


def _text(text: str, name: str) -> str:
    if name == "password":
        return "(secret)"
    if text.lower() in _PROTOCOL or _ID.fullmatch(text) or _SCHEMA.fullmatch(text):
        return text
    if name in _PATHS and len(text) <= _LONGEST_PATH:
        bare = _UNQUOTED.sub(r"\1 …", _QUOTED.sub('"…"', text))
        if _is_grammar(bare):
            return bare
    if name in ("startindex", "count", "status") and text.isdecimal():
        return text
    return f"(text of {len(text)})"
