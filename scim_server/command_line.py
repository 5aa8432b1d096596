"""What the command lines of both programs have in common: plain help, and wrong options as one line.

Help is text that wraps at 80 columns, where whatever must be typed stands in one piece: no boxes and no columns that
cut it short. A wrong option is one line on standard error that names it, and exit status 2.
"""

import codecs
import sys
import textwrap
from collections.abc import Callable, Sequence
from importlib.metadata import version
from io import TextIOWrapper
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

HELP_OPTIONS = {"help_option_names": ["-h", "--help"]}
"""Context settings of a program."""

USAGE_ERROR = 2
"""Exit status."""


def print_version(program: str) -> Callable[[bool], None]:
    """Callback of a program's option `--version`."""

    def callback(wanted: bool) -> None:
        if wanted:
            typer.echo(f"{program} {version('scim-operator')}")
            raise typer.Exit

    return callback


def options_of_group(program: str) -> Callable[..., None]:
    """Callback of a program of several commands: `--version`, and its help where no command is given."""

    def options(
        context: typer.Context,
        version: Annotated[
            bool,
            typer.Option("--version", callback=print_version(program), is_eager=True, help="Print the version."),
        ] = False,
    ) -> None:
        if context.invoked_subcommand is None:
            typer.echo(context.get_help(), err=True)
            raise typer.Exit(USAGE_ERROR)

    return options


_WrongUsage: type[Exception] = typer.BadParameter.__bases__[0]
"""Click's UsageError: where it is to be had differs among versions of typer."""

_LONGEST_TERM = 16
"""Beside a longer one its text would be a narrow column."""
_TEXT_COLUMN = 8


class _Formatter(typer.Context.formatter_class):  # type: ignore[misc,valid-type] # click's, wherever typer has it
    def write_dl(self, rows: Sequence[tuple[str, str]], col_max: int = _LONGEST_TERM, col_spacing: int = 2) -> None:
        """Terms with their texts beside them, or below where a term is long."""
        longest = max((len(term) for term, _ in rows), default=0)
        column = self.current_indent + longest + col_spacing if longest <= col_max else _TEXT_COLUMN
        for term, text in rows:
            lines = textwrap.wrap(text, self.width - column, break_on_hyphens=False, break_long_words=False)
            lead = " " * self.current_indent + term
            if longest <= col_max and lines:
                lead = lead.ljust(column) + lines.pop(0)
            self.write("".join(f"{line}\n" for line in (lead, *(" " * column + line for line in lines))))


class _Context(typer.Context):
    formatter_class = _Formatter


class PlainCommand(TyperCommand):
    """A command whose options stand under the headings that `rich_help_panel` gives them."""

    context_class = _Context

    def format_options(self, ctx: Any, formatter: Any) -> None:
        _write_options(self, ctx, formatter)


class PlainGroup(TyperGroup):
    context_class = _Context

    def format_options(self, ctx: Any, formatter: Any) -> None:
        _write_options(self, ctx, formatter)
        self.format_commands(ctx, formatter)


def _write_options(command: Any, ctx: Any, formatter: Any) -> None:
    sections: dict[str, list[tuple[str, str]]] = {}
    for param in command.get_params(ctx):
        record = param.get_help_record(ctx)
        if record is None:
            continue
        term, text = record
        if param.param_type_name == "argument":
            sections.setdefault("Arguments", []).append((param.metavar or term, text))
        else:  # of which values are in range is said behind the text
            heading = getattr(param, "rich_help_panel", None) or "Options"
            sections.setdefault(heading, []).append((term.replace(" range>", ">"), text))
    for heading, records in sections.items():
        with formatter.section(heading):
            formatter.write_dl(records)


def run_program(app: typer.Typer, name: str) -> None:
    """Run the command line and end the process."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # None where the process was started without it
            _take_any_text(stream)
    try:
        status = typer.main.get_command(app).main(prog_name=name, standalone_mode=False)
    except typer.Abort:
        sys.exit(1)
    except _WrongUsage as error:
        context = getattr(error, "ctx", None)
        command = context.command_path if context is not None else name
        print(f"{command}: {_described(error)}", file=sys.stderr)
        sys.exit(USAGE_ERROR)
    sys.exit(status if isinstance(status, int) else 0)


def _take_any_text(stream: TextIOWrapper) -> None:
    """Let no character that the terminal doesn't have end the program. What Python takes for ASCII is UTF-8: that is
    what Python itself makes of the locale C, unless that is switched off."""
    ascii_only = codecs.lookup(stream.encoding).name == "ascii"
    stream.reconfigure(encoding="utf-8" if ascii_only else None, errors="backslashreplace")


def _described(error: Any) -> str:
    """In one line: the option, or the environment variable that stands for it, and what is wrong with it."""
    if isinstance(error, typer.BadParameter):
        named = error.param_hint or _named(error)
        text = " ".join(str(error.message).split()).partition(", unable to parse")[0] or "a value is required"
        text = text.removeprefix("Value error, ")  # typer's own words, of a choice
        return f"{named}: {text}" if named else text
    return " ".join(str(error.format_message()).split())


def _named(error: Any) -> str:
    param = error.param
    if param is None:
        return ""
    source = error.ctx.get_parameter_source(param.name) if error.ctx is not None else None
    if source is not None and source.name == "ENVIRONMENT":
        return str(param.envvar)
    if param.param_type_name == "argument":
        return str(param.metavar or param.name)
    return " / ".join(param.opts)
