"""The order of deliveries to one webhook, in memory: events of one user or group go one after the other, those of
others beside them."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from scim_server.storage.records import Delivery
from scim_server.storage.tables.events import StoredEvent
from scim_server.webhooks.sender import Answer


@dataclass(slots=True, eq=False)
class Item:
    """A delivery that is to be made."""

    delivery: Delivery
    event: StoredEvent
    is_stored: bool
    """Whether the database knows that it is pending."""
    began: float | None = None
    """When the attempt began, in the seconds of a monotonic clock."""


class Lanes:
    """One lane for each subject. Its first item may be taken; the next one follows when that one was delivered.

    A lane whose item failed stands still until it is collected.
    """

    def __init__(self) -> None:
        self._lanes: dict[str, deque[Item]] = {}
        self._ready: deque[str] = deque()
        self._answered: list[tuple[Item, Answer]] = []
        self._failed: set[str] = set()
        """Lanes that stand still."""
        self._size = 0

    def __len__(self) -> int:
        """Items that weren't answered."""
        return self._size

    @property
    def is_idle(self) -> bool:
        """Nothing is to be sent, under way, or to be collected."""
        return not self._lanes and not self._answered

    def __contains__(self, subject: str) -> bool:
        return subject in self._lanes

    @property
    def items(self) -> Iterable[Item]:
        return (item for lane in self._lanes.values() for item in lane)

    @property
    def not_noted(self) -> Iterable[Item]:
        """All of which the database doesn't know what became of them, those too that wait to be collected."""
        yield from self.items
        yield from (item for item, _ in self._answered)

    def add(self, item: Item) -> None:
        subject = item.delivery.subject
        lane = self._lanes.setdefault(subject, deque())
        if not lane and subject not in self._failed:
            self._ready.append(subject)
        lane.append(item)
        self._size += 1

    def take(self, now: float) -> Item | None:
        """The next one to send."""
        if not self._ready:
            return None
        item = self._lanes[self._ready.popleft()][0]
        item.began = now
        return item

    def answer(self, item: Item, answer: Answer) -> None:
        subject = item.delivery.subject
        lane = self._lanes[subject]
        lane.popleft()
        self._size -= 1
        self._answered.append((item, answer))
        if answer.error is not None:
            self._failed.add(subject)
        elif lane:
            self._ready.append(subject)

    def collect(self) -> tuple[list[tuple[Item, Answer]], list[Item]]:
        """What was answered since, and the items behind those that failed, which leave."""
        answered, self._answered = self._answered, []
        left: list[Item] = []
        for item, answer in answered:
            subject = item.delivery.subject
            lane = self._lanes.get(subject)
            if lane is not None and (answer.error is not None or not lane):
                left += self._lanes.pop(subject)
        self._failed.clear()
        self._size -= len(left)
        return answered, left

    def unload(self) -> list[Item]:
        """Items that were not taken, which leave. Those under way stay."""
        self._ready.clear()
        left: list[Item] = []
        for subject, lane in [*self._lanes.items()]:
            under_way = [item for item in lane if item.began is not None]
            left += [item for item in lane if item.began is None]
            if under_way:
                self._lanes[subject] = deque(under_way)
            elif lane:
                del self._lanes[subject]  # an empty one was answered, and is collected
        self._size -= len(left)
        return left
