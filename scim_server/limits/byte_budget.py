"""Bytes that the server keeps for clients: no tenant gets all of them."""

from collections import Counter


class ByteBudget:
    """At most `most` bytes in all, and half of that for one key."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken: Counter[str] = Counter()

    @property
    def most_of_one(self) -> int:
        return self._most // 2

    @property
    def taken(self) -> int:
        return self._taken.total()

    def take(self, key: str, size: int) -> bool:
        """Whether so much is left; then `give_back` has to follow."""
        if self.taken + size > self._most or self._taken[key] + size > self.most_of_one:
            return False
        self._taken[key] += size
        return True

    def give_back(self, key: str, size: int) -> None:
        self._taken[key] -= size
        if not self._taken[key]:
            del self._taken[key]
