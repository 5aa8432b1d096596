"""Which assertions have been used already."""

from collections import OrderedDict


class ReplayGuard:
    """Remembers until an assertion has expired, in this process.

    Holds at most `most` at once: then new ones are refused, since to forget a used one would be to accept it again.
    """

    def __init__(self, most: int = 100_000) -> None:
        self._most = most
        self._until: OrderedDict[bytes, float] = OrderedDict()

    async def first_use(self, assertion: bytes, until: float, now: float) -> bool:
        """True the first time. `until`, `now`: seconds since 1970."""
        if len(self._until) >= self._most:
            self._until = OrderedDict((key, end) for key, end in self._until.items() if end > now)
        if self._until.get(assertion, now) > now or len(self._until) >= self._most:
            return False
        self._until[assertion] = until
        return True
