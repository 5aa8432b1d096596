"""The command `python -m benchmarks`."""

import sys
from contextlib import ExitStack
from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

try:
    from benchmarks.bench import QUICK, Bench, Ratio, Sizes, Workshop
    from benchmarks.databases import Database, PostgreSQL, Sqlite
    from benchmarks.load import UnexpectedAnswerError
    from benchmarks.measured import BENCHES
    from tests.support.temporary import RunDirectory
except ModuleNotFoundError as error:  # `make run` installs less than development needs
    print(f"benchmarks: the module {error.name} is missing: run `make setup` first", file=sys.stderr)
    raise SystemExit(2) from None


class DatabaseName(StrEnum):
    POSTGRESQL = "postgresql"
    SQLITE = "sqlite"


_DATABASES: dict[DatabaseName, type[PostgreSQL] | type[Sqlite]] = {
    DatabaseName.POSTGRESQL: PostgreSQL,
    DatabaseName.SQLITE: Sqlite,
}

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.command()
def benchmarks(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="Which ones; all, without a name. See --list.")
    ] = None,
    database: Annotated[
        DatabaseName, typer.Option(help="What scim-server keeps users and groups in. Both sync every commit to disk.")
    ] = DatabaseName.POSTGRESQL,
    quick: Annotated[
        bool, typer.Option("--quick", help="A tenth of the data, a quarter of the time: to try, not to compare.")
    ] = False,
    list_: Annotated[
        bool, typer.Option("--list", help="Print what there is, and what each divides by what.")
    ] = False,
) -> None:
    """Measure scim-server and print ratios.

    A benchmark starts real scim-server processes with default settings on a database of its own, sends them
    requests from another process over keep-alive connections, and divides two figures of that one run. A ratio says
    much the same on any machine; the figures beside it hold for this one. The sides take turns, request by
    request for latencies, every half second for rates, so that what else the machine does disturbs both. Still,
    nothing else should keep it busy. A benchmark of a single part, such as `pool`, measures the part in this process.

    The load generator says how much of a core it took: near 100 % it would have measured itself.

    `python -m benchmarks.compare --before COMMIT` measures the working tree beside an earlier commit instead.
    """
    console = Console(highlight=False, soft_wrap=True)
    if list_:
        _print_list(console)
        return
    known = {bench.name: bench for bench in BENCHES}
    unknown = [name for name in names or () if name not in known]
    if unknown:
        print(f"no benchmark is named {', '.join(unknown)}; there are {', '.join(known)}", file=sys.stderr)
        raise typer.Exit(2)
    kind = _DATABASES[database]
    chosen = [known[name] for name in names or known]
    results: list[tuple[Bench, Ratio]] = []
    with ExitStack() as closing:
        run_directory = RunDirectory()
        closing.callback(run_directory.remove)
        with console.status(f"starting {kind.name}"):
            server: Database = kind(run_directory.path)
        closing.callback(server.stop)
        workshop = Workshop(server, QUICK if quick else Sizes(), console, run_directory.path)
        closing.callback(workshop.close)
        for bench in chosen:
            if kind.name not in bench.databases:
                console.print(f"{bench.name}: not on {kind.name}\n", style="dim")
                continue
            console.print(f"[bold]{bench.name}[/bold] on {kind.name}: {bench.summary}")
            try:
                ratios = bench.run(workshop)
            except UnexpectedAnswerError as error:
                print(f"{bench.name}: {error}", file=sys.stderr)
                raise typer.Exit(1) from None
            for ratio in ratios:
                results.append((bench, ratio))
                _print_ratio(console, ratio)
            console.print()
    if len(results) > 1:
        _print_table(console, results)


def _print_ratio(console: Console, ratio: Ratio) -> None:
    console.print(f"  [bold]{ratio.value:.2f}[/bold]  {ratio.what}{_verdict(ratio)}")


def _verdict(ratio: Ratio) -> str:
    if ratio.holds is None:
        return ""
    return f"  {ratio.wanted}: {_judged(ratio)}"


def _judged(ratio: Ratio) -> str:
    return {True: "[green]as wanted[/green]", False: "[red]missed[/red]", None: ""}[ratio.holds]


def _print_table(console: Console, results: list[tuple[Bench, Ratio]]) -> None:
    table = Table("benchmark", "ratio", "what", "wanted", "", box=None, pad_edge=False)
    for bench, ratio in results:
        table.add_row(bench.name, f"{ratio.value:.2f}", ratio.what, ratio.wanted or "", _judged(ratio))
    console.print(table)


def _print_list(console: Console) -> None:
    for bench in BENCHES:
        only = "" if len(bench.databases) > 1 else f" ({bench.databases[0]} only)"
        console.print(f"{bench.name:<14}{bench.summary}{only}")


if __name__ == "__main__":
    app(prog_name="python -m benchmarks")
