"""Patterns over group names: RE2, whose run time is linear in the text whatever the pattern."""

from functools import lru_cache
from typing import Protocol

import re2


class Pattern(Protocol):
    def fullmatch(self, text: str) -> object | None: ...

    def search(self, text: str) -> object | None: ...


def _options() -> re2.Options:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 1 << 20
    return options


_OPTIONS = _options()


@lru_cache(maxsize=4096)
def compile_pattern(pattern: str) -> Pattern:
    """Raises `ValueError`, which says what RE2 did not understand."""
    try:
        compiled: Pattern = re2.compile(pattern, _OPTIONS)
    except re2.error as error:
        reason = error.args[0].decode() if error.args and isinstance(error.args[0], bytes) else str(error)
        raise ValueError(f"{pattern!r} is not an RE2 expression: {reason}") from None
    return compiled
