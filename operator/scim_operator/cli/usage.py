"""Wrong options as one line on standard error, without a box around it."""

import sys
from typing import Any

import typer

_USAGE_ERROR = 2
_WrongUsage: type[Exception] = typer.BadParameter.__bases__[0]
"""Click's UsageError: where it is to be had differs among versions of typer."""


def run_program(app: typer.Typer, name: str) -> None:
    """Run the command line and end the process. A wrong option is one line that names it, and exit status 2."""
    try:
        status = typer.main.get_command(app).main(prog_name=name, standalone_mode=False)
    except typer.Abort:
        sys.exit(1)
    except _WrongUsage as error:
        context = getattr(error, "ctx", None)
        command = context.command_path if context is not None else name
        if described := _described(error):  # nothing where the help has been printed instead
            print(f"{command}: {described}", file=sys.stderr)
        sys.exit(_USAGE_ERROR)
    sys.exit(status if isinstance(status, int) else 0)


def _described(error: Any) -> str:
    """In one line: the option, and what is wrong with it."""
    if isinstance(error, typer.BadParameter):
        named = error.param_hint or (" / ".join(error.param.opts) if error.param is not None else "")
        text = " ".join(str(error.message).split()).partition(", unable to parse")[0] or "a value is required"
        return f"{named}: {text}" if named else text
    return " ".join(str(error.format_message()).split())
