"""Patterns over group names: RE2, whose run time is linear in the text whatever the pattern."""

import re
from functools import lru_cache
from typing import Protocol

import re2


class Pattern(Protocol):
    def fullmatch(self, text: str) -> object | None: ...

    def search(self, text: str) -> object | None: ...


class InvalidPattern(ValueError):
    """`reason` is what RE2 did not understand; the message has the pattern too."""

    def __init__(self, pattern: str, reason: str) -> None:
        self.reason = reason
        super().__init__(f"{pattern!r} is not an RE2 expression: {reason}")


def _options() -> re2.Options:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 1 << 20
    return options


_OPTIONS = _options()
_BACKREFERENCE = re.compile(r"\\[1-9]$")


@lru_cache(maxsize=4096)
def compile_pattern(pattern: str) -> Pattern:
    """Raises `InvalidPattern`."""
    try:
        compiled: Pattern = re2.compile(pattern, _OPTIONS)
    except re2.error as error:
        reason = error.args[0].decode() if error.args and isinstance(error.args[0], bytes) else str(error)
        reason = reason.removesuffix(f": {pattern}")  # it is said already
        raise InvalidPattern(pattern, f"{reason}{_hint(reason)}") from None
    return compiled


def _hint(reason: str) -> str:
    """For those who know other engines."""
    if any(reason.endswith(operator) for operator in ("(?=", "(?!", "(?<", "(?<=", "(?<!")):
        return " (RE2 has no lookahead and no lookbehind)"
    if _BACKREFERENCE.search(reason):
        return " (RE2 has no backreferences)"
    return ""
