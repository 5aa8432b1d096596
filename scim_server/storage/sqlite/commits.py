"""Writing: steps that wait at once share a transaction, and so the wait for the disk.

One that fails is no matter to the others. None is answered before the commit, not even one that is refused: the
refusal may be because of another one of the same transaction.
"""

import asyncio
import contextvars
import sqlite3
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias, TypeVar, cast

from scim_server.storage.errors import StorageUnavailable
from scim_server.storage.protocol import StorageObserver
from scim_server.storage.sqlite.connection import Connection
from scim_server.storage.sqlite.failures import translated
from scim_server.storage.sqlite.transactions import write_transaction

T = TypeVar("T")

_MOST = 100
_LONGEST_SECONDS = 0.05
"""No further step begins in a transaction that has taken so long: those who are done wait for the commit."""


@dataclass(slots=True)
class _Step:
    tenant: str
    work: Callable[[sqlite3.Connection], Any]
    outcome: asyncio.Future[Any]
    asked: float
    context: contextvars.Context = field(default_factory=contextvars.copy_context)


class Commits:
    """One transaction after the other on `connection`, to the file `path`. Tenants that wait take turns.

    `patience`: how many seconds a step waits for its transaction to begin before it is told `StorageUnavailable`.
    """

    def __init__(self, connection: Connection, path: Path, patience: float, observer: StorageObserver) -> None:
        self._connection = connection
        self._path = path
        self._patience = patience
        self._observer = observer
        self._waiting: dict[str, deque[_Step]] = {}
        """By tenant; the tenant whose turn it is comes first."""
        self._worker: asyncio.Task[None] | None = None
        self._is_busy = False
        self._watch: asyncio.TimerHandle | None = None

    async def run(self, tenant: str, work: Callable[[sqlite3.Connection], T]) -> T:
        """`work` in the connection's thread, durable when this returns. A step that is cancelled before its
        transaction begins does nothing."""
        loop = asyncio.get_running_loop()
        step = _Step(tenant, work, loop.create_future(), time.perf_counter())
        if self._watch is None:
            self._watch = loop.call_later(self._patience, self._give_up_waiting)
        self._waiting.setdefault(tenant, deque()).append(step)
        if self._worker is None:
            self._worker = asyncio.create_task(self._work())
        return cast("T", await step.outcome)

    @property
    def waiting(self) -> int:
        return sum(not step.outcome.done() for steps in self._waiting.values() for step in steps)

    @property
    def is_busy(self) -> bool:
        return self._is_busy

    async def close(self) -> None:
        """After the transaction that is under way; those that wait are told `StorageUnavailable`."""
        if self._worker is not None:
            self._worker.cancel()
            await asyncio.gather(self._worker, return_exceptions=True)
            self._worker = None  # one that was cancelled before it began doesn't say so
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        for step in self._take(sys.maxsize):
            step.outcome.set_exception(StorageUnavailable("the storage is not open"))

    async def _work(self) -> None:
        try:
            while self._waiting:
                await self._run_those_that_wait()
        finally:
            self._worker = None

    async def _run_those_that_wait(self) -> None:
        steps = self._take(_MOST)
        if not steps:
            return
        self._is_busy = True
        running = asyncio.ensure_future(self._connection.run(_run_all, self._path, steps))
        try:
            outcomes = await asyncio.shield(running)
        except asyncio.CancelledError:  # `close`: what is under way ends first
            self._tell(steps, await _outcomes(running, len(steps)))
            raise
        except Exception as error:
            outcomes = [_Raised(error)] * len(steps)
        finally:
            self._is_busy = False
        self._tell(steps, outcomes)

    def _tell(self, steps: Sequence[_Step], outcomes: "Sequence[object]") -> None:
        for step, outcome in zip(steps, outcomes, strict=False):
            if step.outcome.done():  # cancelled
                continue
            if isinstance(outcome, _Raised):
                step.outcome.set_exception(outcome.error)
            else:
                step.outcome.set_result(outcome)
        self._put_back(steps[len(outcomes) :])  # there was no time for them

    def _put_back(self, steps: Sequence[_Step]) -> None:
        """Before all others, in the order in which they were taken: the next transaction begins with them."""
        others, self._waiting = self._waiting, {}
        for step in steps:
            self._waiting.setdefault(step.tenant, deque()).append(step)
        for tenant, waiting in others.items():
            self._waiting.setdefault(tenant, deque()).extend(waiting)

    def _take(self, most: int) -> list[_Step]:
        """One of each tenant in turn."""
        taken: list[_Step] = []
        now = time.perf_counter()
        while self._waiting and len(taken) < most:
            tenant = next(iter(self._waiting))
            steps = self._waiting.pop(tenant)
            step = steps.popleft()
            if steps:
                self._waiting[tenant] = steps
            if not step.outcome.done():
                self._observer.waited(now - step.asked)
                taken.append(step)
        return taken

    def _give_up_waiting(self) -> None:
        """Tell the steps that have waited too long, and look again when the next one has."""
        now = time.perf_counter()
        steps = [step for of_tenant in self._waiting.values() for step in of_tenant]
        for step in steps:
            if now - step.asked >= self._patience:
                self._waiting[step.tenant].remove(step)
                if not self._waiting[step.tenant]:
                    del self._waiting[step.tenant]
                self._observer.waited(now - step.asked)
                if not step.outcome.done():
                    error = StorageUnavailable(f"SQLite: no connection was free for {self._patience:g} s")
                    step.outcome.set_exception(error)
        oldest = min((step.asked for step in steps if now - step.asked < self._patience), default=None)
        self._watch = None
        if oldest is not None:
            loop = asyncio.get_running_loop()
            self._watch = loop.call_later(oldest + self._patience - now, self._give_up_waiting)


_Run: TypeAlias = Callable[[sqlite3.Connection, Path, _Step], object]


@dataclass(frozen=True, slots=True)
class _Raised:
    error: BaseException


async def _outcomes(running: "asyncio.Future[list[object]]", number: int) -> Sequence[object]:
    try:
        return await running
    except Exception as error:
        return [_Raised(error)] * number


def _run_all(connection: sqlite3.Connection, path: Path, steps: Sequence[_Step]) -> list[object]:
    """What became of each, as far as there was time. Raises what made the whole transaction fail."""
    try:
        with write_transaction(connection):
            return _run_each(connection, path, steps, _run_step)
    except _LeftChanges:  # steps may be run again, here with a savepoint for each, which they usually don't need
        with write_transaction(connection):
            return _run_each(connection, path, steps, _run_step_with_savepoint)


def _run_each(connection: sqlite3.Connection, path: Path, steps: Sequence[_Step], run: _Run) -> list[object]:
    outcomes: list[object] = []
    began = time.perf_counter()
    for step in steps:
        outcomes.append(run(connection, path, step))
        if time.perf_counter() - began > _LONGEST_SECONDS:
            break
    return outcomes


class _LeftChanges(Exception):
    """A step has failed after it had changed something."""


def _run_step(connection: sqlite3.Connection, path: Path, step: _Step) -> object:
    changes = connection.total_changes
    try:
        with translated(path):
            return step.context.run(step.work, connection)
    except BaseException as error:  # whatever it is, others wait for their outcomes
        if not connection.in_transaction:  # SQLite gave up all of it: the disk is full, or fails
            raise
        if connection.total_changes != changes:
            raise _LeftChanges from error
        return _Raised(error)


def _run_step_with_savepoint(connection: sqlite3.Connection, path: Path, step: _Step) -> object:
    connection.execute("SAVEPOINT step")
    try:
        with translated(path):
            outcome: object = step.context.run(step.work, connection)
    except BaseException as error:  # as above
        if not connection.in_transaction:  # as above
            raise
        connection.execute("ROLLBACK TO step")
        outcome = _Raised(error)
    connection.execute("RELEASE step")
    return outcome
