"""`scim-operator log`: what providers asked for, and what came of it."""

import json
import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import typer

from scim_operator.cli.sources import (
    CaFileOption,
    DatabaseOption,
    DataDirOption,
    ServerOption,
    SourceOptions,
    TenantOption,
    TlsNameOption,
    TokenFileOption,
    ask_of_tenant,
)
from scim_operator.cli.sync_log_forms import Csv, Form, Json, JsonLines, Table
from scim_operator.cli.sync_log_summary import Summary
from scim_operator.cli.times import parse_time
from scim_operator.inspect import LogQuery, Source, statuses_of

_TABLE_LINES = 100
"""That a table shows where no limit is given."""
_SUMMARY_SINCE = "24h"


class LogOutput(StrEnum):
    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"


_FORMS: dict[LogOutput, Callable[[], Form]] = {
    LogOutput.TABLE: Table,
    LogOutput.JSON: Json,
    LogOutput.JSONL: JsonLines,
    LogOutput.CSV: Csv,
}


def log(
    tenant: TenantOption = None,
    user: Annotated[
        str | None,
        typer.Option(
            metavar="USER",
            help="An id, userName or externalId: requests on this user, and those that changed the user's roles.",
        ),
    ] = None,
    group: Annotated[str | None, typer.Option(metavar="GROUP", help="An id or displayName.")] = None,
    operation: Annotated[
        str | None,
        typer.Option(metavar="WORDS", help="Words of the operation: 'deactivate user', say, or members."),
    ] = None,
    outcome: Annotated[
        str | None,
        typer.Option(
            metavar="OUTCOME",
            help="success, refused (4xx), error (5xx), failure (both), or a status such as 409.",
        ),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="How long ago (24h, 30m), or a time such as 2026-11-28T09:00:00Z."),
    ] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="In the same forms; itself not included.")] = None,
    limit: Annotated[
        int | None,
        typer.Option(min=0, help="The last so many lines; 0 is all. Default: 100 in a table, else all."),
    ] = None,
    summary: Annotated[
        bool,
        typer.Option(
            "--summary", help="A digest in place of the lines; of the last 24 hours, unless --since says more."
        ),
    ] = False,
    captured: Annotated[
        bool,
        typer.Option(
            "--captured",
            help="What the debug capture has (spec.debug.captureUntil) in place of the lines: requests and answers"
            " with their values masked, as JSON.",
        ),
    ] = False,
    output: Annotated[LogOutput, typer.Option("--output", "-o", help="How the lines are printed.")] = LogOutput.TABLE,
    data_dir: DataDirOption = None,
    database: DatabaseOption = None,
    server: ServerOption = None,
    token_file: TokenFileOption = None,
    ca_file: CaFileOption = None,
    tls_name: TlsNameOption = None,
) -> None:
    """Print the sync log: each request that wrote or tried to, newest last.

    A line says when, by which credential, what was done ("deactivate user", "add 3 members", "no change"), to whom,
    the status, which attributes changed, which roles were gained and lost, or why it was refused. It has no values of
    attributes. In CSV a cell that a spreadsheet would compute (= + - @) has ' before it.

    \b
    Exit status:
      0  printed, also where there is no line
      2  a wrong option, or the log can't be read
    """
    options = SourceOptions(data_dir, database, server, token_file, ca_file, tls_name)
    if captured:
        given = (user, group, operation, outcome, since, until, limit, summary or None)
        _print_captured(options, tenant, output, filtered=any(one is not None for one in given))
        return
    now = datetime.now(UTC)
    if user is not None and group is not None:
        raise typer.BadParameter("one of --user and --group is expected")
    if summary and output not in (LogOutput.TABLE, LogOutput.JSON):
        raise typer.BadParameter("a summary is a table or json", param_hint="--output")
    try:
        statuses_of(outcome)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--outcome") from None
    query = LogQuery(
        since=_time(since or (_SUMMARY_SINCE if summary else None), "--since", now),
        until=_time(until, "--until", now),
        user=user,
        group=group,
        operation=operation,
        outcome=outcome,
    )
    if limit is None:
        limit = _TABLE_LINES if output is LogOutput.TABLE and since is None and not summary else 0
    try:
        if summary:
            _print_summary(options, tenant, query, limit, output)
        else:
            _print_lines(options, tenant, query, limit, _FORMS[output]())
    except BrokenPipeError:  # the reader has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _time(text: str | None, option: str, now: datetime) -> datetime | None:
    return None if text is None else parse_time(text, option, now)


def _print_lines(options: SourceOptions, tenant: str | None, query: LogQuery, limit: int, form: Form) -> None:
    async def lines(source: Source, key: str) -> None:
        sys.stdout.write(form.begin())
        async for line in source.log(key, query, limit):
            sys.stdout.write(form.add(line))
        sys.stdout.write(form.end())
        sys.stdout.flush()

    ask_of_tenant(options, tenant, lines)


def _print_summary(
    options: SourceOptions, tenant: str | None, query: LogQuery, limit: int, output: LogOutput
) -> None:
    async def summed_up(source: Source, key: str) -> Summary:
        summary = Summary()
        async for line in source.log(key, query, limit):
            summary.add(line)
        return summary

    summary = ask_of_tenant(options, tenant, summed_up)
    if output is LogOutput.JSON:
        typer.echo(json.dumps(summary.to_json(), indent=2))
    else:
        typer.echo("\n".join(summary.to_text()))


def _print_captured(options: SourceOptions, tenant: str | None, output: LogOutput, *, filtered: bool) -> None:
    if filtered:
        raise typer.BadParameter("it shows all that is kept, without filters", param_hint="--captured")
    if output is LogOutput.CSV:
        raise typer.BadParameter("captured requests are json or jsonl", param_hint="--output")
    found = ask_of_tenant(options, tenant, lambda source, key: source.captured(key))
    if output is LogOutput.JSONL:
        for one in found:
            typer.echo(json.dumps(one))
    else:
        typer.echo(json.dumps(found, indent=2))
