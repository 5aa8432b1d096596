"""Keeps the log readable while the API server is away or refuses: kopf's lines in words of ours, none of them every
second."""

import logging
import re
import sys
import time
from collections.abc import Callable

import aiohttp

from scim_operator.cluster.failures import answered_with_error, not_permitted, unanswered

_SILENT_SECONDS = 60.0

_ATTEMPT = re.compile(r"Request attempt #\S+ failed; \S[^:]*: \w+ (?P<url>\S+) -> ")
"""kopf's, of several hundred characters, for each attempt of each watch."""


class KopfInWords(logging.Filter):
    """For a handler. Other lines than those on requests that fail pass as they are."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name.partition(".")[0] == "kopf":
            text = record.getMessage()
            attempt = _ATTEMPT.match(text)
            if attempt is not None and (said := _in_words(attempt["url"], text)) is not None:
                record.msg, record.args = said, ()
        return True


class OnceAMinute(logging.Filter):
    """For a handler: drops a warning or an error that was said within the last minute.

    Lines that differ by what is affected only have their common cause as `extra={"cause": …}`: the first one will do.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._said: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        cause: str | None = getattr(record, "cause", None)
        if record.exc_info or (cause is None and record.levelno < logging.WARNING):
            return True
        text, now = cause or record.getMessage(), self._clock()
        self._said = {other: at for other, at in self._said.items() if now - at < _SILENT_SECONDS}
        if text in self._said:
            return False
        self._said[text] = now
        return True


def _in_words(url: str, text: str) -> str | None:
    """kopf logs where it catches: the error is at hand."""
    if (said := not_permitted(text)) is not None:
        return said
    error = sys.exc_info()[1]
    if isinstance(error, aiohttp.ClientError | OSError):
        return unanswered(url, error)
    status = getattr(error, "status", None)
    return answered_with_error(url, status) if isinstance(status, int) else None
