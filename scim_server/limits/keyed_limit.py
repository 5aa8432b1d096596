"""One token bucket for each key, for a bounded number of keys."""

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable

from scim_server.limits.token_bucket import Rate, TokenBucket


class KeyedLimit:
    """The keys that were not used for the longest time are forgotten first: their buckets are full again.

    Without a `rate` nothing is limited.
    """

    def __init__(
        self, rate: Rate | None, most_keys: int = 10_000, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rate = rate
        self._most_keys = most_keys
        self._clock = clock
        self._buckets: OrderedDict[Hashable, TokenBucket] = OrderedDict()

    def take(self, key: Hashable) -> float:
        """0 when `key` may go on, else the seconds until it may."""
        if self._rate is None:
            return 0.0
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = TokenBucket(self._rate)
            if len(self._buckets) > self._most_keys:
                self._buckets.popitem(last=False)
        else:
            self._buckets.move_to_end(key)
        return bucket.take(self._clock())

    def __len__(self) -> int:
        return len(self._buckets)
