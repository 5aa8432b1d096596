"""`scim-operator holds`: what guards hold."""

import json

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
from scim_operator.inspect.source import Answer, Source

_COLUMNS = ("ID", "KIND", "COUNT", "SINCE", "EXPIRES", "USERS")


def holds(
    tenant: TenantOption = None,
    output: OutputOption = Output.TABLE,
    data_dir: DataDirOption = None,
    database: DatabaseOption = None,
    server: ServerOption = None,
    token_file: TokenFileOption = None,
    ca_file: CaFileOption = None,
    tls_name: TlsNameOption = None,
) -> None:
    """Print what guards hold: id, kind, how many users, since when, when it expires, and some of the users.

    A hold is decided in the ProvisioningConfig: spec.safety.decisions, with the id and Apply or Discard.

    \b
    Exit status:
      0  printed, also where nothing is held
      2  a wrong option, or the data can't be read
    """
    options = SourceOptions(data_dir, database, server, token_file, ca_file, tls_name)

    async def of_tenant(source: Source, key: str) -> Answer:
        return await source.holds(key)

    found = ask_of_tenant(options, tenant, of_tenant)
    if output is Output.JSON:
        typer.echo(json.dumps(dict(found), indent=2))
    elif found["holds"]:
        typer.echo("\n".join(Columns().lines([_COLUMNS, *map(_row, found["holds"])])))
    else:
        typer.echo("nothing is held")


def _row(hold: Answer) -> tuple[str, ...]:
    users = ", ".join(user if user.isprintable() else repr(user) for user in hold["users"])
    more = " …" if hold["count"] > len(hold["users"]) else ""
    since, expires = (_seconds(hold[name]) for name in ("since", "expires"))
    return hold["id"], hold["kind"], str(hold["count"]), since, expires, users + more


def _seconds(time: str | None) -> str:
    """To the second; longer figures help nobody."""
    return "never" if time is None else f"{time[:19]}Z"
