"""What a benchmark is: a function that measures and reports, and what it needs to do so."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from benchmarks.databases import Database
from benchmarks.installation import Installation
from benchmarks.load import Measurement
from benchmarks.loading import load_users


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured. `--quick` takes less of everything: for trying, not for comparing."""

    seconds: float = 8.0
    """Of one run, apart from the warm-up."""
    rounds: int = 3
    """Runs of each side, or as much time as they would take, in many short turns."""
    users: int = 1_000_000
    """Of a large directory."""
    members: int = 100_000
    """Of a large group."""


QUICK = Sizes(seconds=2.0, rounds=2, users=20_000, members=10_000)


@dataclass(frozen=True, slots=True)
class Ratio:
    """What a benchmark is about. `wanted` is the bound that the project has set itself: `"≤ 1.3"`."""

    what: str
    value: float
    wanted: str | None = None

    @property
    def holds(self) -> bool | None:
        """None: no bound."""
        if self.wanted is None:
            return None
        sign, bound = self.wanted.split()
        return self.value <= float(bound) if sign == "≤" else self.value >= float(bound)


@dataclass(slots=True)
class Workshop:
    """What a benchmark may use: the database's server, large directories, a place to say how it goes."""

    database: Database
    sizes: Sizes
    console: Console
    directory: Path
    _closing: ExitStack = field(default_factory=ExitStack)
    _installations: int = 0
    _loaded: dict[int, tuple[Installation, list[str]]] = field(default_factory=dict)

    @contextmanager
    def installation(self, *, servers: int = 1) -> Iterator[Installation]:
        """On an empty database."""
        with self._install(servers) as installation:
            yield installation

    def loaded(self, users: int) -> tuple[Installation, list[str]]:
        """With that many users (and nothing else) at first, and their ids. Later benchmarks get the same one."""
        if users not in self._loaded:
            installation = self._closing.enter_context(self._install(1))
            with self.doing(f"loading {users:,} users") as progress:
                ids = load_users(installation.database_url, users, lambda done: progress(f"{done:,}"))
                self.database.settle(installation.database_url)
            self._loaded[users] = installation, ids
        return self._loaded[users]

    @contextmanager
    def doing(self, what: str) -> Iterator[Callable[[str], None]]:
        """Say what is being done while it is; gives a function that says how far it is."""
        with self.console.status(f"  {what}") as status:
            yield lambda far: status.update(f"  {what}: {far}")

    def say(self, label: str, text: str) -> None:
        """A line of what was found."""
        self.console.print(f"  {label:<34} {text}", highlight=False)

    def say_rate(self, label: str, found: Measurement) -> None:
        """Requests per second, and what they looked like to a client."""
        self.say(
            label,
            f"{found.rate:8,.0f} /s   p50 {milliseconds(found.p50)}   p99 {milliseconds(found.p99)}"
            f"   generator: {found.cores:.0%} of a core",
        )

    def say_latency(self, label: str, found: Measurement) -> None:
        """p50 and p99."""
        self.say(
            label,
            f"p50 {milliseconds(found.p50)}   p99 {milliseconds(found.p99)}   requests: {len(found.latencies):,}",
        )

    def close(self) -> None:
        self._closing.close()

    def _install(self, servers: int) -> Installation:
        self._installations += 1
        directory = self.directory / f"installation-{self._installations}"
        return Installation(directory, self.database.create(), servers=servers)


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.2f} ms"


@dataclass(frozen=True, slots=True)
class Bench:
    name: str
    summary: str
    """One line: what is divided by what."""
    run: Callable[[Workshop], list[Ratio]]
    databases: tuple[str, ...] = ("PostgreSQL", "SQLite")
