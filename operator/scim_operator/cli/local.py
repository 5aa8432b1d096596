"""`scim-operator local`: the server on a folder of manifests, without a cluster."""

import asyncio
import os
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from scim_operator.cli.exit_status import NOT_RUN, PROBLEMS_FOUND
from scim_operator.cli.manifests import FileOption, NamespaceOption, PathArgument, one_path
from scim_operator.local.data import DEFAULT_DATA_DIRECTORY, DataDirectoryError
from scim_operator.local.folder import UnreadableManifests, UnusableManifests
from scim_operator.local.report import Reporter
from scim_operator.local.serve import LocalModeError, LocalOptions, LocalServer, serve
from scim_operator.manifests import DEFAULT_NAMESPACE
from scim_operator.manifests.printable import printable
from scim_server.logs import LogFormat, configure

Started = Callable[[LocalServer], Coroutine[Any, Any, None]]

PortOption = Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")]
HostOption = Annotated[str, typer.Option(help="Address to listen on.")]


def local(
    path: PathArgument = None,
    file: FileOption = None,
    namespace: NamespaceOption = DEFAULT_NAMESPACE,
    port: PortOption = 8080,
    host: HostOption = "127.0.0.1",
    database: Annotated[
        str | None,
        typer.Option(metavar="URL", help="sqlite:///PATH or postgresql://…  [default: SQLite in the data directory]"),
    ] = None,
    data_dir: Annotated[
        Path, typer.Option(file_okay=False, help="Where the database and the key for token digests are kept.")
    ] = DEFAULT_DATA_DIRECTORY,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log every request.")] = False,
) -> None:
    """Serve a folder of manifests on this machine, without a cluster.

    The same manifests as for a cluster: ProvisioningConfig, RoleMapping, AttributeMapping, Secret, Namespace. They
    are read again whenever a file changes, and existing users' roles follow within a second. What changed is
    printed; a file that can't be used is reported, and what was served before goes on.

    Ends with status 1 when the manifests have problems at the start, and with 2 when something else keeps it from
    serving.
    """
    manifests = one_path(path, file)
    options = LocalOptions(manifests, data_dir, namespace, host=host, port=port, database=database)
    console, errors = consoles()
    reporter = Reporter(console, errors)

    async def started(server: LocalServer) -> None:
        for key in server.plan.tenants:
            reporter.note(f"{key} is served at {server.url}/{key}/scim/v2")
            for token in server.plan.tokens(key):
                reporter.note(f"  token {token.name}, access {token.access}: {token.place}")
        reporter.note(f"Following {manifests}; Ctrl-C ends.")

    run_local(options, reporter, started, verbose=verbose)


def consoles() -> tuple[Console, Console]:
    """Standard output and standard error. Where it isn't a terminal, wide enough for the tables."""
    width = None if sys.stdout.isatty() else 110
    return Console(width=width), Console(width=width, stderr=True)


def run_local(options: LocalOptions, reporter: Reporter, started: Started, *, verbose: bool) -> None:
    """Serve until Ctrl-C. What keeps it from starting is one line per problem."""
    configure(LogFormat.TEXT, "info" if verbose else "warning")
    os.umask(0o077)  # the database holds people's data; SQLite makes its files as the umask has it
    try:
        asyncio.run(serve(options, reporter, started))
    except UnusableManifests as error:
        for problem in error.problems:
            typer.echo(printable(problem), err=True)
        raise typer.Exit(NOT_RUN if isinstance(error, UnreadableManifests) else PROBLEMS_FOUND) from None
    except (LocalModeError, DataDirectoryError) as error:
        typer.echo(error, err=True)
        raise typer.Exit(NOT_RUN) from None
