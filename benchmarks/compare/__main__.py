"""The command `python -m benchmarks.compare`."""

import statistics
import sys
from contextlib import ExitStack
from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from benchmarks.bench import milliseconds
from benchmarks.compare.measured import AFTER, BARE, BEFORE, NAMES, QUICK, Comparison, Sizes, compare_all
from benchmarks.compare.trees import tree_of, working_tree
from benchmarks.databases import Database, PostgreSQL, Sqlite
from benchmarks.load import UnexpectedAnswerError
from tests.support.processes import ProcessDiedError
from tests.support.temporary import RunDirectory


class Which(StrEnum):
    BOTH = "both"
    POSTGRESQL = "postgresql"
    SQLITE = "sqlite"


_DATABASES: dict[Which, tuple[type[PostgreSQL] | type[Sqlite], ...]] = {
    Which.BOTH: (PostgreSQL, Sqlite),
    Which.POSTGRESQL: (PostgreSQL,),
    Which.SQLITE: (Sqlite,),
}

_WIDTH = 160
"""Characters of the table, also where the output isn't a terminal."""

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.command()
def compare(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME]...", help=f"Which ones; all, without a name: {', '.join(NAMES)}."),
    ] = None,
    before: Annotated[
        str, typer.Option(metavar="COMMIT", help="The commit to compare the working tree with.")
    ] = "HEAD",
    database: Annotated[Which, typer.Option(help="Both sync every commit to disk.")] = Which.BOTH,
    quick: Annotated[bool, typer.Option("--quick", help="Small data, little time: to try, not to compare.")] = False,
) -> None:
    """Measure the working tree beside an earlier commit, and print ratios.

    Both trees' servers run at the same time, on databases of one server and equal content, beside a bare FastAPI
    handler with one INSERT (benchmarks/bare_handler.py). The three take turns: request by request of one client, for
    create_users every half second at 16 connections. So what else the machine does disturbs all alike.

    "after ÷ before" is a ratio of speeds: above 1, the working tree is faster. It is the median of the rounds; the
    lowest and the highest stand behind it. "÷ bare" divides by the speed of the bare handler's POST in those turns.

    The commit is unpacked into a temporary folder. Its server runs by the same interpreter where both trees want the
    same packages (requirements/dev.txt); else `make setup` installs them there first. The commit's own code fills its
    database; the working tree's server migrates a copy of it.
    """
    unknown = [name for name in names or () if name not in NAMES]
    if unknown:
        print(f"no comparison is named {', '.join(unknown)}; there are {', '.join(NAMES)}", file=sys.stderr)
        raise typer.Exit(2)
    console = Console(highlight=False, soft_wrap=True, width=_WIDTH)
    with ExitStack() as closing:
        run_directory = RunDirectory()
        closing.callback(run_directory.remove)
        try:
            tree = tree_of(before, run_directory.path / "tree")
        except ValueError as error:
            print(error, file=sys.stderr)
            raise typer.Exit(2) from None
        found: list[tuple[Database, Comparison]] = []
        for kind in _DATABASES[database]:
            server: Database = kind(run_directory.path)
            closing.callback(server.stop)
            sizes = QUICK if quick else Sizes()
            try:
                with console.status(f"measuring on {kind.name}"):
                    for comparison in compare_all(
                        names or NAMES, tree, working_tree(), server, sizes, run_directory.path / kind.name
                    ):
                        found.append((server, comparison))
                        _print_rounds(console, server, comparison)
            except (UnexpectedAnswerError, ProcessDiedError) as error:
                print(error, file=sys.stderr)
                raise typer.Exit(1) from None
        _print_table(console, found)


def _print_rounds(console: Console, database: Database, comparison: Comparison) -> None:
    ratios = " ".join(f"{ratio:.2f}" for ratio in comparison.ratios(AFTER, BEFORE))
    console.print(f"{database.name:<11}{comparison.name:<14}rounds, after ÷ before: {ratios}")


def _print_table(console: Console, found: list[tuple[Database, Comparison]]) -> None:
    sides = (BEFORE, AFTER, BARE)
    ratios_to_bare = (f"{side} ÷ bare" for side in (BEFORE, AFTER))
    headers = ("database", "benchmark", "after ÷ before", "wanted", "", *sides, *ratios_to_bare)
    table = Table(*headers, box=None, pad_edge=False)
    for database, comparison in found:
        ratios = comparison.ratios(AFTER, BEFORE)
        ratio = statistics.median(ratios)
        table.add_row(
            database.name,
            comparison.name,
            f"{ratio:.2f} ({min(ratios):.2f}-{max(ratios):.2f})",
            f"≥ {comparison.wanted}",
            "[green]as wanted[/green]" if ratio >= comparison.wanted else "[red]missed[/red]",
            *(_median(comparison, side) for side in sides),
            *(f"{statistics.median(comparison.ratios(side, BARE)):.3f}" for side in (BEFORE, AFTER)),
        )
    console.print(table)


def _median(comparison: Comparison, side: str) -> str:
    def shown(speed: float) -> str:
        return f"{speed:,.0f} /s" if comparison.by_rate else milliseconds(1 / speed)

    return shown(statistics.median(comparison.speed(found[side]) for found in comparison.rounds))


if __name__ == "__main__":
    app(prog_name="python -m benchmarks.compare")
