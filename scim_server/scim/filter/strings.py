r"""Strings in filters, with backslashes that clients escape or don't.

The grammar has JSON strings, in which a backslash is written as two. Names of on-premises directories hold one
(`CORP\bob`), and ConnId, ssosync and people with curl write it as it is. What that reads as in JSON is a name with a
control character, another letter, or nothing at all; an answer that there is no such user makes a provider create one
that is there.
"""

import json
import re

from scim_server.scim.errors import InvalidFilter
from scim_server.scim.values import is_storable, shown

_UNAMBIGUOUS = re.compile(r'(?:[^\\]|\\"|\\u00[01][0-9a-f]|\\u005c)*', re.IGNORECASE | re.DOTALL)
_TO_ESCAPE = re.compile(r'[\x00-\x1f"\\]')
_CONTROL = re.compile(r"[\b\f\n\r\t]")


def json_reading(quoted: str) -> str:
    """What a strict tenant reads. Raises InvalidFilter."""
    text = _as_json(quoted)
    if text is None:
        raise InvalidFilter(f"{shown(quoted)} isn't a JSON string; a backslash in it is written as two")
    return text


def readings(quoted: str) -> tuple[str, ...]:
    r"""All that may be meant, the likeliest first.

    `"CORP\user"` is no JSON, so it is literal. `"CORP\bob"` and `"CORP\\bob"` may be either: the first is literal
    unless a stored text has a control character there, as an address of several lines; the second is JSON unless a
    stored text has two backslashes. Only quotes and what is written as `\u005c` or `\u0008` is never meant literally.
    """
    as_json = _as_json(quoted)
    if as_json is not None and _UNAMBIGUOUS.fullmatch(quoted):
        return (as_json,)
    literal = quoted[1:-1].replace('\\"', '"')
    if as_json is None or not is_storable(as_json) or as_json == literal:
        return (literal,)
    return (literal, as_json) if _CONTROL.search(as_json) else (as_json, literal)


def written(text: str) -> str:
    """A string that has one reading: this text."""
    return '"' + _TO_ESCAPE.sub(_escaped, text) + '"'


def _escaped(found: re.Match[str]) -> str:
    return '\\"' if found[0] == '"' else f"\\u{ord(found[0]):04x}"


def _as_json(quoted: str) -> str | None:
    try:
        text = json.loads(quoted, strict=False)
    except ValueError:
        return None
    assert isinstance(text, str)  # noqa: S101 - the token begins and ends with a double quote
    return text
