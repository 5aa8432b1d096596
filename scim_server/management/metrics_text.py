"""What GET /metrics answers. Making it takes milliseconds of the event loop: once for all who wait for it."""

import asyncio
from collections.abc import Awaitable, Callable

from scim_server.metrics import Metrics


class MetricsText:
    """`refresh` brings up to date what is counted elsewhere."""

    def __init__(self, metrics: Metrics, refresh: Callable[[], Awaitable[None]]) -> None:
        self._metrics = metrics
        self._refresh = refresh
        self._making = asyncio.Lock()
        self._begun = 0
        self._text = b""

    async def current(self) -> bytes:
        """Never older than the call."""
        begun_before = self._begun
        async with self._making:
            if self._begun == begun_before:
                await asyncio.sleep(0)  # whoever asks at the same time is in the queue then
                self._begun += 1
                await self._refresh()
                self._text = self._metrics.text()
            return self._text
