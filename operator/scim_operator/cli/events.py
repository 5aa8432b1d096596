"""`scim-operator events`: what applications are told."""

import json
import os
import sys
from datetime import UTC, datetime
from typing import Annotated

import typer

from scim_operator.cli.event_table import EventTable
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
from scim_operator.inspect import EventQuery, Source, types_of
from scim_operator.inspect.source import Answer

_TABLE_LINES = 100
"""That a table shows where nothing says where it begins."""


def events(
    tenant: TenantOption = None,
    user: Annotated[
        str | None, typer.Option(metavar="USER", help="Of this user alone: an id, userName or externalId.")
    ] = None,
    type_: Annotated[
        list[str] | None,
        typer.Option(
            "--type", metavar="TYPE", help="Of this type alone, such as user.created or 'user.*'. May be repeated."
        ),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="How long ago (24h, 30m), or a time such as 2026-11-28T09:00:00Z."),
    ] = None,
    after: Annotated[
        str | None,
        typer.Option(metavar="TOKEN", help="What follows a token: an application's, or `next` of -o json; or now."),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(min=0, help="The last so many events; 0 is all. Default: 100 in a table, else all."),
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow", help="Go on with what comes. In json each event is a line then.")
    ] = False,
    output: OutputOption = Output.TABLE,
    data_dir: DataDirOption = None,
    database: DatabaseOption = None,
    server: ServerOption = None,
    token_file: TokenFileOption = None,
    ca_file: CaFileOption = None,
    tls_name: TlsNameOption = None,
) -> None:
    """Print events: each change of a user or group as applications are told of it, newest last.

    A line says when, the event's sequence and type, whom it is about, its state, which roles
    were gained (+) and lost (-), and what brought it about. As json: events, and next, the token of their end.

    \b
    Exit status:
      0  printed, also where there is no event
      2  a wrong option, or the events can't be read
    """
    try:
        types = types_of(type_ or ())
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--type") from None
    if after is not None and limit is not None:
        raise typer.BadParameter("one of --after and --limit is expected")
    begins = None if since is None else parse_time(since, "--since", datetime.now(UTC))
    if limit is None:
        limit = _TABLE_LINES if output is Output.TABLE and since is None and after is None else 0
    query = EventQuery(user, types, begins)
    options = SourceOptions(data_dir, database, server, token_file, ca_file, tls_name)
    table = EventTable()
    found: list[Answer] = []
    token = ""

    async def print_all(source: Source, key: str) -> None:
        nonlocal token
        async for page in source.events(key, query, after, limit or 0, follow=follow):
            token = page.next
            if output is Output.TABLE:
                sys.stdout.write(table.rows(page.events))
            elif follow:
                sys.stdout.write("".join(f"{json.dumps(event)}\n" for event in page.events))
            else:
                found.extend(page.events)
            sys.stdout.flush()

    try:
        ask_of_tenant(options, tenant, print_all)
    except BrokenPipeError:  # the reader has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        return
    if output is Output.JSON and not follow:
        typer.echo(json.dumps({"events": found, "next": token}, indent=2))
