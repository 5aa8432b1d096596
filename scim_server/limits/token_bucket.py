"""The token bucket: `rate` per second in the long run, up to `burst` at once."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Rate:
    """`per_second` > 0, `burst` >= 1."""

    per_second: float
    burst: int

    def __post_init__(self) -> None:
        if not self.per_second > 0 or self.burst < 1:
            raise ValueError("a rate above 0 and a burst of at least 1 are expected")


@dataclass(slots=True)
class TokenBucket:
    """Full at the start. Times are seconds of any clock that doesn't go back."""

    rate: Rate
    _tokens: float = field(init=False)
    _updated: float = field(default=float("-inf"), init=False)

    def __post_init__(self) -> None:
        self._tokens = float(self.rate.burst)

    def take(self, now: float) -> float:
        """0 when a token was taken; else nothing is taken, and the seconds until there is one are returned."""
        if now > self._updated:
            gained = (now - self._updated) * self.rate.per_second
            self._tokens = min(float(self.rate.burst), self._tokens + gained)
            self._updated = now
        if self._tokens >= 1:
            self._tokens -= 1
            return 0.0
        return (1 - self._tokens) / self.rate.per_second
