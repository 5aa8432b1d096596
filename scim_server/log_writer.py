"""Writes log lines in a thread: standard error is a pipe, and the server must not stop when its reader does.

`logging.handlers.QueueListener` isn't used. It wakes its thread for each record. Here all lines that have come are
written together: a line takes about half of the processor time, as `python -m benchmarks log_lines` measures.
A process with a QueueListener doesn't end either while its pipe is full: `stop` waits for the thread without a bound,
and the interpreter doesn't end while a thread stands still in `sys.stderr`.
"""

import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue

_MOST_LINES = 10_000
"""About 3 MB. Further lines are dropped: no request waits for the log."""
_LINES_AT_ONCE = 200
_GATHERING_SECONDS = 0.02
"""The thread takes lines together: whenever it runs, requests wait for the interpreter."""
_CLOSE_SECONDS = 5.0
"""How long the end of the process may wait for a reader that stands still."""


class LogWriter:
    """Writes lines in the order of `write`, in a thread of its own. Any thread may write.

    It is a stream, as `logging.StreamHandler` takes one. It writes to the file descriptor itself: a thread that
    stands still in a stream of Python's keeps the process from ending. `note` makes the line that says how many lines
    were dropped, once writing goes on.
    """

    def __init__(self, descriptor: int, note: Callable[[int], str], most_lines: int = _MOST_LINES) -> None:
        self._descriptor = descriptor
        self._note = note
        self._most = most_lines
        self._lines: SimpleQueue[str | None] = SimpleQueue()
        """None: the end."""
        self._dropped = 0
        self._counting = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    @property
    def dropped(self) -> int:
        """Lines, since the start."""
        return self._dropped

    def write(self, line: str) -> None:
        """`line` is whole and ends in a line feed."""
        if self._closed:
            self._put_out(line)
        elif self._lines.qsize() < self._most:
            self._lines.put(line)
        else:
            with self._counting:
                self._dropped += 1

    def flush(self) -> None:
        """Nothing to do: lines are on their way."""

    def close(self, seconds: float = _CLOSE_SECONDS) -> None:
        """Return when all lines are written, or after `seconds`. What comes later is written at once."""
        self._lines.put(None)
        self._thread.join(seconds)
        self._closed = not self._thread.is_alive()

    def _run(self) -> None:
        told = 0
        while (line := self._lines.get()) is not None:
            time.sleep(_GATHERING_SECONDS)
            lines, ends = [line], False
            with suppress(Empty):
                while len(lines) < _LINES_AT_ONCE and not ends:
                    line = self._lines.get_nowait()
                    if line is None:
                        ends = True
                    else:
                        lines.append(line)
            self._put_out("".join(lines))
            if (dropped := self._dropped) > told and self._lines.empty():
                self._put_out(self._note(dropped - told))
                told = dropped
            if ends:
                return

    def _put_out(self, text: str) -> None:
        left = memoryview(text.encode(errors="backslashreplace"))
        with suppress(OSError):  # the reader is gone, and nothing else fails for that
            while left:
                left = left[os.write(self._descriptor, left) :]
