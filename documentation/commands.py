"""Every command with its options, from the command lines themselves."""

import inspect
import re
from typing import Any

import typer

from documentation.markdown import GENERATED, code, table, text
from kubectl_scim.cli import app as kubectl_scim
from scim_operator.cli import app as operator
from scim_server.cli import app as server

_INTRODUCTION = """\
# Commands

`--help` of a command prints the same, `--version` of a program its version. Under an option stands the variable of
the environment that gives it instead; a list is separated by spaces there. Every program ends with status 2 and one
line when it is called wrongly.
"""

_EVERYWHERE = ("help", "version", "_version", "install_completion", "show_completion")
"""Options that say nothing of what the command does."""


def page() -> str:
    parts = [GENERATED, _INTRODUCTION]
    for program, app in (("scim-server", server), ("scim-operator", operator), ("kubectl scim", kubectl_scim)):
        parts += _command(program, typer.main.get_command(app))
    return "\n".join(parts)


def _command(name: str, command: Any) -> list[str]:
    # A command that is imported when it is used has its options then.
    context = command.make_context(name, [], resilient_parsing=True)
    command = context.command
    parts = [f"## {name}\n", _help(command.help or "")]
    sections: dict[str, list[list[str]]] = {}
    for parameter in command.get_params(context):
        if parameter.name in _EVERYWHERE:
            continue
        heading = getattr(parameter, "rich_help_panel", None) or (
            "Arguments" if parameter.param_type_name == "argument" else "Options"
        )
        sections.setdefault(heading, []).append(_parameter(parameter, context))
    for heading, rows in sections.items():
        first = "argument" if heading == "Arguments" else "option"
        title = "" if heading in ("Options", "Arguments") else f"**{heading}**\n\n"
        parts.append(title + table([first, "what", "default"], rows))
    for subcommand in getattr(command, "commands", {}).values():
        parts += _command(f"{name} {subcommand.name}", subcommand)
    return parts


def _parameter(parameter: Any, context: Any) -> list[str]:
    term, _ = parameter.get_help_record(context)
    if parameter.param_type_name == "argument":
        return [code((parameter.metavar or term).strip("[].")), text(parameter.help or ""), ""]
    default = parameter.get_default(context, call=False)
    if parameter.required:
        shown = "required"
    elif default in (None, "", (), []) or callable(default) or parameter.is_flag:
        shown = ""
    else:
        shown = code(f"{default:g}" if isinstance(default, float) else str(getattr(default, "value", default)))
    if parameter.is_flag and parameter.secondary_opts:
        shown = code((parameter.opts if default else parameter.secondary_opts)[0])
    variable = f"<br>{code(parameter.envvar)}" if parameter.envvar else ""
    return [code(re.sub(r" range>", ">", term)) + variable, text(parameter.help or ""), shown]


def _help(words: str) -> str:
    """The text above the options; what is indented in it stays a block."""
    parts = []
    for paragraph in inspect.cleandoc(words).replace("\b\n", "").split("\n\n"):
        lines = paragraph.splitlines()
        indented = [line for line in lines if line.startswith("  ")]
        if indented:
            flowing = " ".join(line for line in lines if not line.startswith("  "))
            parts.append(f"{text(flowing)}\n\n```text\n" + "\n".join(line[2:] for line in indented) + "\n```\n")
        else:
            parts.append(text(paragraph) + "\n")
    return "\n".join(parts)
