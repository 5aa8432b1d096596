"""`scim-operator explain`: why a user has what it has."""

import json
from datetime import UTC, datetime
from typing import Annotated

import typer

from scim_operator.cli.explanation_text import explanation_text
from scim_operator.cli.sources import (
    CaFileOption,
    DatabaseOption,
    DataDirOption,
    Output,
    OutputOption,
    ServerOption,
    SourceOptions,
    TenantOption,
    TlsNameOption,
    TokenFileOption,
    ask_of_tenant,
)
from scim_operator.cli.times import parse_time
from scim_operator.inspect import Answer, Source


def explain(
    user: Annotated[str, typer.Argument(metavar="USER", help="Its id, userName (in any case) or externalId.")],
    at: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="State and roles as they were then: 2026-11-28T16:00:00Z, or 90m or 2d ago.",
        ),
    ] = None,
    tenant: TenantOption = None,
    output: OutputOption = Output.TABLE,
    data_dir: DataDirOption = None,
    database: DatabaseOption = None,
    server: ServerOption = None,
    token_file: TokenFileOption = None,
    ca_file: CaFileOption = None,
    tls_name: TlsNameOption = None,
) -> None:
    """Say why a user has its state, roles and profile, and why it doesn't have others.

    \b
    Exit status:
      0  the user is explained
      1  there is no such user, or nothing is known of it at that time
      2  it can't be said: several users are called so, a wrong option, no answer
    """
    source = SourceOptions(data_dir, database, server, token_file, ca_file, tls_name)
    time = None if at is None else parse_time(at, "--at", datetime.now(UTC))

    async def question(source: Source, key: str) -> tuple[str, Answer]:
        return key, await source.explanation(key, user, time)

    key, explanation = ask_of_tenant(source, tenant, question)
    if output is Output.JSON:
        typer.echo(json.dumps(explanation, indent=2, ensure_ascii=False))
    else:
        typer.echo(explanation_text(key, explanation))
