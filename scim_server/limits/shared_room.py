"""Room for what clients make the server hold, in bytes, of which nobody gets all."""

from collections import Counter


class SharedRoom:
    """At most `most` in all, and half of that for one key."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken: Counter[str] = Counter()

    @property
    def taken(self) -> int:
        return self._taken.total()

    def take(self, key: str, size: int) -> bool:
        """Whether there is so much room; then it has to be given back."""
        if self.taken + size > self._most or self._taken[key] + size > self._most // 2:
            return False
        self._taken[key] += size
        return True

    def give_back(self, key: str, size: int) -> None:
        self._taken[key] -= size
        if not self._taken[key]:
            del self._taken[key]
