"""`scim-operator deliveries`: what became of events at webhooks."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

import typer

from scim_operator.cli.columns import Columns
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
from scim_operator.inspect import DeliveryQuery, DeliveryState, Replay, Source
from scim_operator.inspect.source import Answer

_COLUMNS = ("TIME", "WEBHOOK", "TYPE", "STATE", "ATTEMPTS", "NEXT", "EVENT", "ERROR")
_RANGE = "range"


def deliveries(
    tenant: TenantOption = None,
    webhook: Annotated[str | None, typer.Option(metavar="NAME", help="Of this webhook alone.")] = None,
    state: Annotated[DeliveryState | None, typer.Option(help="In this state.")] = None,
    event: Annotated[str | None, typer.Option(metavar="ID", help="Of this event.")] = None,
    user: Annotated[
        str | None, typer.Option(metavar="ID", help="Of events about the user or group with this id.")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Of events since then: how long ago (24h, 30m), or a time such as 2026-11-28T09:00:00Z.",
        ),
    ] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="In the same forms; itself not included.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="The newest so many.")] = 100,
    replay: Annotated[
        str | None,
        typer.Option(
            "--replay",
            metavar="ID|range",
            help="Deliver the event with this id once more, or, with the word range, those of --since to --until.",
        ),
    ] = None,
    output: OutputOption = Output.TABLE,
    data_dir: DataDirOption = None,
    database: DatabaseOption = None,
    server: ServerOption = None,
    token_file: TokenFileOption = None,
    ca_file: CaFileOption = None,
    tls_name: TlsNameOption = None,
) -> None:
    """Print what became of events at webhooks, the newest first: state, attempts, and why one failed.

    With --replay events are delivered once more, also those that were delivered before: to the webhook that --webhook
    names, or to all that they are for. A running server sends them.

    \b
    Exit status:
      0  printed, also where there is no delivery; or replayed
      2  a wrong option, an event or webhook that is unknown, or the data can't be read
    """
    now = datetime.now(UTC)
    begin = None if since is None else parse_time(since, "--since", now)
    end = None if until is None else parse_time(until, "--until", now)
    options = SourceOptions(data_dir, database, server, token_file, ca_file, tls_name)
    if replay is not None:
        _replay(options, tenant, _replay_of(replay, begin, end, webhook), output)
        return
    query = DeliveryQuery(webhook, state, event, user, begin, end)

    async def of_tenant(source: Source, key: str) -> Sequence[Answer]:
        return await source.deliveries(key, query, limit)

    found = ask_of_tenant(options, tenant, of_tenant)
    if output is Output.JSON:
        typer.echo(json.dumps({"deliveries": [dict(one) for one in found]}, indent=2))
    elif found:
        typer.echo("\n".join(Columns().lines([_COLUMNS, *map(_row, found)])))
    else:
        typer.echo("no deliveries")


def _replay_of(what: str, since: datetime | None, until: datetime | None, webhook: str | None) -> Replay:
    if what != _RANGE:
        if since is not None or until is not None:
            raise typer.BadParameter("--since and --until are for --replay range", param_hint="--replay")
        return Replay(event=what, webhook=webhook)
    if since is None:
        raise typer.BadParameter("the beginning of the range is expected", param_hint="--since")
    return Replay(since=since, until=until, webhook=webhook)


def _replay(options: SourceOptions, tenant: str | None, asked: Replay, output: Output) -> None:
    async def of_tenant(source: Source, key: str) -> int:
        return await source.replay(key, asked)

    number = ask_of_tenant(options, tenant, of_tenant)
    if output is Output.JSON:
        typer.echo(json.dumps({"deliveries": number}))
    else:
        typer.echo(f"{number} {'delivery is' if number == 1 else 'deliveries are'} made once more")


def _row(one: Answer) -> tuple[str, ...]:
    following = "" if one["nextAt"] is None else f"{one['nextAt'][:19]}Z"
    time, attempts = f"{one['time'][:19]}Z", str(one["attempts"])
    return time, one["webhook"], one["type"], one["state"], attempts, following, one["event"], one["error"] or ""
