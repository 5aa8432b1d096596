"""What the commands share that look at a server's data: where it is, of which tenant, and how they fail."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from scim_operator.api import ObjectKey
from scim_operator.cli.exit_status import CONDITION_NOT_MET
from scim_operator.cli.manifests import fail
from scim_operator.delivery.authorities import Authorities, AuthoritiesUnusable
from scim_operator.delivery.management import ManagementToken
from scim_operator.delivery.replicas import management_url
from scim_operator.inspect import (
    AtServer,
    InDatabase,
    InspectionError,
    InvalidDatabaseUrl,
    NothingFound,
    Place,
    Source,
    local_database,
    open_source,
)
from scim_operator.local.data import DEFAULT_DATA_DIRECTORY
from scim_operator.manifests.printable import printable

T = TypeVar("T")

_PANEL = "Where the data are (default: those of `scim-operator local` in .local)"

DataDirOption = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        metavar="DIR",
        rich_help_panel=_PANEL,
        help="Data directory of local mode, whether it runs or not.",
    ),
]

DatabaseOption = Annotated[
    str | None,
    typer.Option(
        "--database",
        metavar="URL",
        rich_help_panel=_PANEL,
        help="sqlite:///PATH or postgresql://…, of servers of this version. A password is better given in PGPASSWORD"
        " or PGPASSFILE than here, where other users of the machine see it.",
    ),
]

ServerOption = Annotated[
    str | None,
    typer.Option(
        "--server",
        metavar="URL",
        rich_help_panel=_PANEL,
        help="Management port of a server: https://HOST:PORT, or http:// on this machine.",
    ),
]

TokenFileOption = Annotated[
    Path | None,
    typer.Option(
        "--token-file", metavar="FILE", rich_help_panel=_PANEL, help="File with the management token of --server."
    ),
]

CaFileOption = Annotated[
    Path | None,
    typer.Option(
        "--ca-file",
        metavar="FILE",
        rich_help_panel=_PANEL,
        help="Authorities that sign the certificate of --server, in PEM. Default: those that the system trusts.",
    ),
]

TlsNameOption = Annotated[
    str | None,
    typer.Option(
        "--tls-name",
        metavar="NAME",
        rich_help_panel=_PANEL,
        help="What that certificate has to be for, where it isn't the host of --server: behind kubectl port-forward,"
        " say.",
    ),
]

TenantOption = Annotated[
    str | None,
    typer.Option(
        "--tenant",
        metavar="NAMESPACE/NAME",
        help="Of which ProvisioningConfig; needed where there is more than one.",
    ),
]


class Output(StrEnum):
    TABLE = "table"
    JSON = "json"


OutputOption = Annotated[Output, typer.Option("--output", "-o", help="How the answer is printed.")]


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """The options above, as they were given."""

    data_dir: Path | None = None
    database: str | None = None
    server: str | None = None
    token_file: Path | None = None
    ca_file: Path | None = None
    tls_name: str | None = None


def ask(options: SourceOptions, question: Callable[[Source], Awaitable[T]]) -> T:
    """What `question` returns. Where it asked for what isn't there, that is one line, and exit status 1; what keeps
    the source from answering is one line, and exit status 2."""

    place = _place(options)

    async def opened() -> T:
        async with open_source(place) as source:
            return await question(source)

    try:
        return asyncio.run(opened())
    except NothingFound as error:
        typer.echo(printable(str(error)), err=True)
        raise typer.Exit(CONDITION_NOT_MET) from None
    except InspectionError as error:
        fail(str(error))
    except InvalidDatabaseUrl as error:
        raise typer.BadParameter(str(error), param_hint="--database") from None


def ask_of_tenant(options: SourceOptions, tenant: str | None, question: Callable[[Source, str], Awaitable[T]]) -> T:
    """As `ask`, with the key of the tenant that `tenant` names, or of the only one."""

    async def of_tenant(source: Source) -> T:
        return await question(source, _chosen(tenant, await source.tenants()))

    return ask(options, of_tenant)


def _place(options: SourceOptions) -> Place:
    given = [
        option
        for option, value in (
            ("--data-dir", options.data_dir),
            ("--database", options.database),
            ("--server", options.server),
        )
        if value is not None
    ]
    if len(given) > 1:
        raise typer.BadParameter(f"one of --data-dir, --database and --server is expected, not {' and '.join(given)}")
    if options.server is not None:
        return _server(options.server, options)
    for option, value in (
        ("--token-file", options.token_file),
        ("--ca-file", options.ca_file),
        ("--tls-name", options.tls_name),
    ):
        if value is not None:
            raise typer.BadParameter("it is of no use without --server", param_hint=option)
    if options.database is not None:
        return InDatabase(options.database)
    local = local_database(options.data_dir or DEFAULT_DATA_DIRECTORY)
    if local is not None:
        return local
    if options.data_dir is not None:
        raise typer.BadParameter(f"{options.data_dir}: there are no data of local mode", param_hint="--data-dir")
    raise typer.BadParameter(
        f"give --data-dir, --database or --server: there are no data of local mode in {DEFAULT_DATA_DIRECTORY}"
    )


def _server(url: str, options: SourceOptions) -> AtServer:
    try:
        server = management_url(url)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--server") from None
    if options.token_file is None:
        raise typer.BadParameter("a file with the management token is expected", param_hint="--token-file")
    try:
        authorities = None if options.ca_file is None else Authorities(options.ca_file)
    except AuthoritiesUnusable as error:
        raise typer.BadParameter(str(error), param_hint="--ca-file") from None
    return AtServer(server, ManagementToken(options.token_file), authorities, options.tls_name)


def _chosen(given: str | None, tenants: Sequence[str]) -> str:
    known = f"there is {', '.join(tenants)}" if tenants else "there is none"
    if given is None:
        if len(tenants) == 1:
            return tenants[0]
        raise typer.BadParameter(f"a tenant is expected: {known}", param_hint="--tenant")
    try:
        key = str(ObjectKey.parse(given))
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--tenant") from None
    if key not in tenants:
        raise typer.BadParameter(f"{key} is unknown: {known}", param_hint="--tenant")
    return key
