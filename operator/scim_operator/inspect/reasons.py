"""Why a user has a role, in words."""

from collections.abc import Mapping
from typing import Any

_SOURCES = {
    "base": "a base role: every active user",
    "fallback": "a fallback role: no rule gives one",
    "provider": "sent by the provider",
}


def reason_in_words(reason: Mapping[str, Any]) -> str:
    """A reason as a read credential and `explain` show it."""
    return _in_words(reason, f"rule {reason.get('rule')} of {reason.get('mapping')}")


def short_reason(reason: Mapping[str, Any]) -> str:
    """Without the mapping."""
    return _in_words(reason, f"rule {reason.get('rule')}")


def _in_words(reason: Mapping[str, Any], rule: str) -> str:
    if (source := reason.get("source")) is not None:
        return _SOURCES.get(source, str(source))
    group = reason.get("group")
    return rule if group is None else f"group {group!r}, {rule}"
