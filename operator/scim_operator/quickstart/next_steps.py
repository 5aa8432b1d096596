"""What the quick start says after the table: where it serves, where its tokens are, what to try."""

import os
import shlex
import sys
from pathlib import Path

from rich.markup import escape

from scim_operator.local.folder import Connection

_NEW_USER = '{"userName": "joan.clarke@acme.example", "displayName": "Joan Clarke"}'

_MEDIA_TYPE = "application/scim+json"


def next_steps(
    base_url: str, manifests: Path, data: Path, connection: Connection, user_name: str, *, enter: bool
) -> str:
    """Rich markup. `user_name`: of one to ask about. `enter`: pressing it shows the table again."""
    program, directory = _program(), escape(shlex.quote(str(data)))
    users = escape(f"{base_url}/Users")
    again = "Enter shows the table again. " if enter else ""
    lines = [
        f"[bold]SCIM base URL[/bold]  {escape(base_url)}",
        f"[bold]Token[/bold]          for a provider: {escape(connection.provision.place)}",
        f"               for an application, to read: {escape(connection.read.place)}",
        "[bold]Read[/bold] as an application",
        f"  TOKEN=$({escape(connection.read.command)})",
        f'  curl -s -H "Authorization: Bearer $TOKEN" {users} | python3 -m json.tool',
        "[bold]Write[/bold] as a provider",
        f"  TOKEN=$({escape(connection.provision.command)})",
        f'  curl -s -H "Authorization: Bearer $TOKEN" -H "Content-Type: {_MEDIA_TYPE}" '
        f"-d {escape(shlex.quote(_NEW_USER))} {users}",
        "[bold]Ask[/bold] in another terminal",
        f"  {program} explain {escape(shlex.quote(user_name))} --data-dir {directory}",
        f"  {program} log --data-dir {directory}",
        "",
        f"Edit a file in {escape(str(manifests))} and see roles change. {again}Ctrl-C ends.",
        f"All data are in {escape(str(data))}: without it, all begins anew.",
    ]
    return "\n".join(lines)


def _program() -> str:
    """How this program is called from the folder that it was started in."""
    path = os.path.relpath(sys.argv[0])
    return "scim-operator" if path.startswith("..") else escape(shlex.quote(path))
