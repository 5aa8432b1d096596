"""What the quick start says after the table: where it serves, where its tokens are, what to try."""

from pathlib import Path

from rich.markup import escape

from scim_operator.local.folder import Connection, Token


def next_steps(base_url: str, manifests: Path, connection: Connection) -> str:
    """Rich markup."""
    lines = [
        f"[bold]SCIM base URL[/bold]  {escape(base_url)}",
        f"[bold]Token[/bold]          for a provider: {_place(connection.provision)}",
        f"               for an application, to read: {_place(connection.read)}",
        "[bold]Try[/bold]",
        f"  TOKEN=$({escape(connection.read.command)})",
        f'  curl -H "Authorization: Bearer $TOKEN" {escape(base_url)}/Users',
        "",
        f"Edit a file in {escape(str(manifests))} and see roles change. Ctrl-C ends.",
    ]
    return "\n".join(lines)


def _place(token: Token) -> str:
    return escape(f"key {token.key} of Secret {token.secret} in {token.file}")
