"""`kubectl scim`, or `kubectl-scim` as a command of its own."""

import typer

from kubectl_scim.cli.probe import probe
from kubectl_scim.cli.status import status
from kubectl_scim.cli.token import token
from scim_server.command_line import HELP_OPTIONS, PlainCommand, PlainGroup, options_of_group, run_program

app = typer.Typer(
    cls=PlainGroup,
    context_settings=HELP_OPTIONS,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
    help="Connect identity providers by SCIM, and see how the connections do.",
)


app.callback(invoke_without_command=True)(options_of_group("kubectl-scim"))


for _function in (status, token, probe):
    app.command(cls=PlainCommand)(_function)


def main() -> None:
    """Entry point of the console script."""
    run_program(app, "kubectl scim")
