"""Functions of expressions beside those of CEL itself; named and meant as in its extension libraries.

They are bounded by what they give, since the library that calls them can't be interrupted.
"""

from collections.abc import Callable, Mapping
from typing import Any

from scim_server.config import compile_pattern

LONGEST_TEXT = 16_384
MOST_ELEMENTS = 200

_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}
_UPPER = {code: code - 32 for code in range(ord("a"), ord("z") + 1)}


class FunctionFailed(Exception):
    """The message names no value."""


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise FunctionFailed("a text is expected")
    return value


def _number(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise FunctionFailed("a whole number is expected")
    return value


def _short(text: str) -> str:
    if len(text) > LONGEST_TEXT:
        raise FunctionFailed(f"the result is longer than {LONGEST_TEXT} characters")
    return text


def _matches(text: Any, pattern: Any) -> bool:
    """By RE2, whatever the library has: linear in the text, and the same as in selectors of groups."""
    return compile_pattern(_text(pattern)).search(_text(text)) is not None


def _lower(text: Any) -> str:
    return _text(text).translate(_LOWER)


def _upper(text: Any) -> str:
    return _text(text).translate(_UPPER)


def _trim(text: Any) -> str:
    return _text(text).strip()


def _split(text: Any, separator: Any, limit: Any = -1) -> list[str]:
    text, separator, limit = _text(text), _text(separator), _number(limit)
    if limit == 0:
        return []
    cuts = limit - 1 if limit > 0 else -1
    if separator == "":
        parts = list(text[: MOST_ELEMENTS + 1])
        parts = parts if cuts < 0 or cuts >= len(parts) else [*parts[:cuts], text[cuts:]]
    else:
        parts = text.split(separator, cuts)
    if len(parts) > MOST_ELEMENTS:
        raise FunctionFailed(f"the result has more than {MOST_ELEMENTS} elements")
    return parts


def _join(elements: Any, separator: Any = "") -> str:
    if not isinstance(elements, list):
        raise FunctionFailed("a list is expected")
    texts = [_text(element) for element in elements]
    separator = _text(separator)
    if sum(map(len, texts)) + len(separator) * len(texts) > 2 * LONGEST_TEXT:
        raise FunctionFailed(f"the result is longer than {LONGEST_TEXT} characters")
    return _short(separator.join(texts))


def _replace(text: Any, old: Any, new: Any, limit: Any = -1) -> str:
    whole, old, new, limit = _text(text), _text(old), _text(new), _number(limit)
    times = whole.count(old) if limit < 0 else min(limit, whole.count(old))
    if len(whole) + times * (len(new) - len(old)) > LONGEST_TEXT:
        raise FunctionFailed(f"the result is longer than {LONGEST_TEXT} characters")
    return whole.replace(old, new, limit)


def _substring(text: Any, start: Any, end: Any = None) -> str:
    whole, start = _text(text), _number(start)
    end = len(whole) if end is None else _number(end)
    if not 0 <= start <= end <= len(whole):
        raise FunctionFailed("the text is shorter than that")
    return whole[start:end]


MATCHES = "re2Matches"
"""What `matches` is called where the library sees it: its own is another engine."""

IMPLEMENTATIONS: Mapping[str, Callable[..., Any]] = {
    MATCHES: _matches,
    "lowerAscii": _lower,
    "upperAscii": _upper,
    "trim": _trim,
    "split": _split,
    "join": _join,
    "replace": _replace,
    "substring": _substring,
}
