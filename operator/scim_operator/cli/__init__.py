"""`scim-operator`: its commands, each of which is imported only when it is used.

A command is a module here with a function of its name. `validate` in a pull request needs neither the Kubernetes
client nor the server, and starts without them.
"""

import importlib
from collections.abc import Callable
from importlib import metadata
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from scim_operator.cli.usage import run_program

_COMMANDS = {
    "run": "Run the operator against a cluster.",
    "local": "Serve a folder of manifests on this machine, without a cluster.",
    "validate": "Check manifests as the API server and the operator would.",
    "render": "Print the server's configuration that manifests make.",
    "quickstart": "Local mode, with a short provider sync played against it.",
}
"""What `scim-operator --help` says of each; the command's own help says more."""

_USAGE_ERROR = 2


class _LazyCommand(TyperCommand):
    """Stands for a command until it is called."""

    def __init__(self, name: str) -> None:
        super().__init__(name, help=_COMMANDS[name])

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        return _command(self.name or "").make_context(info_name, args, parent=parent, **extra)


class _Commands(TyperGroup):
    def list_commands(self, ctx: Any) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        return _LazyCommand(cmd_name) if cmd_name in _COMMANDS else None


def _command(name: str) -> Any:
    single = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="markdown")
    single.command(name)(_function(name))
    return typer.main.get_command(single)


def _function(name: str) -> Callable[..., Any]:
    try:
        module = importlib.import_module(f"scim_operator.cli.{name}")
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith(("scim_operator", "scim_server")):
            raise
        typer.echo(
            f"scim-operator {name}: the module {error.name} is missing; install scim-operator[operator,server]",
            err=True,
        )
        raise typer.Exit(_USAGE_ERROR) from None
    function: Callable[..., Any] = getattr(module, name)
    return function


app = typer.Typer(
    cls=_Commands,
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    help="SCIM 2.0 provisioning, declared in YAML.",
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"scim-operator {metadata.version('scim-operator')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Entry point of the console script."""
    run_program(app, "scim-operator")
