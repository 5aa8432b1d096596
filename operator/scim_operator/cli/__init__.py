"""`scim-operator`: its commands, each of which is imported only when it is used.

A command is a module here with a function of its name. `validate` in a pull request needs neither the Kubernetes
client nor the server, and starts without them.
"""

import importlib
from collections.abc import Callable
from typing import Any

import typer

from scim_server.command_line import (
    HELP_OPTIONS,
    USAGE_ERROR,
    PlainCommand,
    PlainGroup,
    options_of_group,
    run_program,
)

_COMMANDS = {
    "run": "Run the operator against a cluster.",
    "local": "Serve a folder of manifests on this machine, without a cluster.",
    "validate": "Check manifests as the API server and the operator would.",
    "render": "Print the server's configuration that manifests make.",
    "events": "Print what applications are told: each change of a user or group, as it happened.",
    "deliveries": "Print what became of events at webhooks, or deliver some once more.",
    "holds": "Print what guards hold: whom it concerns, since when, and until when.",
    "log": "Print the sync log: what providers asked for, and what came of it.",
    "preview": "Say who would gain or lose which role if manifests were applied.",
    "explain": "Say why a user has its roles and state, and why not others.",
    "quickstart": "Local mode, with a short provider sync played against it.",
}
"""What `scim-operator --help` says of each; the command's own help says more."""


class _LazyCommand(PlainCommand):
    """Stands for a command until it is called."""

    def __init__(self, name: str) -> None:
        super().__init__(name, help=_COMMANDS[name], short_help=_COMMANDS[name])

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        return _command(self.name or "").make_context(info_name, args, parent=parent, **extra)


class _Commands(PlainGroup):
    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = {name: _LazyCommand(name) for name in _COMMANDS}


def _command(name: str) -> Any:
    single = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    single.command(name, cls=PlainCommand)(_function(name))
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
        raise typer.Exit(USAGE_ERROR) from None
    function: Callable[..., Any] = getattr(module, name)
    return function


app = typer.Typer(
    cls=_Commands,
    context_settings=HELP_OPTIONS,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="SCIM 2.0 provisioning, declared in YAML.",
)


app.callback(invoke_without_command=True)(options_of_group("scim-operator"))


def main() -> None:
    """Entry point of the console script."""
    run_program(app, "scim-operator")
