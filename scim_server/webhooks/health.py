"""Whether a receiver is away, as far as its answers tell."""

from datetime import datetime, timedelta

from scim_server.webhooks.retries import LONGEST_PAUSE, delay_after
from scim_server.webhooks.sender import Answer

MOST_FAILING = 5
"""So many subjects that fail with none delivered in between are no matter of single events any more."""
_OF_ONE_EVENT = frozenset(range(400, 500)) - {401, 403, 404, 407, 408, 425, 429}
"""The receiver is there, and refuses this event."""


class Health:
    """While a receiver is away nothing is sent to it but a few attempts after each pause. So a dead one costs little,
    and its events wait where they are. One event that it can't take doesn't make it away."""

    def __init__(self, failing_since: datetime | None = None) -> None:
        self.failing_since = failing_since
        """Nothing was delivered since."""
        self.paused_until: datetime | None = None
        """It is away: the next attempts are to be made then."""
        self._failing: set[str] = set()
        self._pauses = 0

    def is_paused(self, now: datetime) -> bool:
        return self.paused_until is not None and now < self.paused_until

    @property
    def is_away(self) -> bool:
        return self.paused_until is not None

    def delivered(self) -> bool:
        """Whether it was away before."""
        was_away = self.is_away
        self.failing_since, self.paused_until = None, None
        self._failing.clear()
        self._pauses = 0
        return was_away

    def failed(self, subject: str, answer: Answer, now: datetime) -> None:
        self.failing_since = self.failing_since or now
        if answer.status in _OF_ONE_EVENT and answer.retry_after is None:
            return
        self._failing.add(subject)
        if self.is_paused(now):  # one of those that were under way
            return
        away = not answer.connected or answer.retry_after is not None or len(self._failing) >= MOST_FAILING
        if away or self.is_away:
            self._pauses += 1
            pause = delay_after(self._pauses, LONGEST_PAUSE)
            self.paused_until = now + max(pause, answer.retry_after or timedelta(0))
