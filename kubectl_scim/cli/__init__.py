"""`kubectl scim`, or `kubectl-scim` as a command of its own."""

from importlib import metadata
from typing import Annotated

import typer

from kubectl_scim.cli.probe import probe
from kubectl_scim.cli.status import status
from kubectl_scim.cli.token import token
from scim_server.command_line import HELP_OPTIONS, USAGE_ERROR, PlainCommand, PlainGroup, run_program

app = typer.Typer(
    cls=PlainGroup,
    context_settings=HELP_OPTIONS,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
    help="Connect identity providers by SCIM, and see how the connections do.",
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"kubectl-scim {metadata.version('scim-operator')}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _options(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help(), err=True)
        raise typer.Exit(USAGE_ERROR)


for _function in (status, token, probe):
    app.command(cls=PlainCommand)(_function)


def main() -> None:
    """Entry point of the console script."""
    run_program(app, "kubectl scim")
