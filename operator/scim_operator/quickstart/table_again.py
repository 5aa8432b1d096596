"""Enter, pressed on the terminal: the table as it is now."""

import asyncio
import sys
from collections.abc import Callable, Coroutine
from typing import Any


def at_each_enter(show: Callable[[], Coroutine[Any, Any, None]]) -> bool:
    """Whether there is a terminal to press Enter on; then `show` is run each time, one at a time."""
    if not sys.stdin.isatty():
        return False
    loop = asyncio.get_running_loop()
    running: set[asyncio.Task[None]] = set()

    def pressed() -> None:
        if not sys.stdin.readline():  # the terminal is gone
            loop.remove_reader(sys.stdin)
        elif not running:
            task = loop.create_task(show())
            running.add(task)
            task.add_done_callback(running.discard)

    loop.add_reader(sys.stdin, pressed)
    return True
