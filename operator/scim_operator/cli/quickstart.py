"""`scim-operator quickstart`: local mode, and a provider's sync played against it."""

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import aiohttp
import typer

from scim_operator.cli.local import PortOption, consoles, run_local
from scim_operator.cli.manifests import FileOption, NamespaceOption, PathArgument, one_path
from scim_operator.local.folder import Connection
from scim_operator.local.report import Reporter
from scim_operator.local.serve import LocalModeError, LocalOptions, LocalServer
from scim_operator.manifests import DEFAULT_NAMESPACE
from scim_operator.quickstart.directory import ACME
from scim_operator.quickstart.next_steps import next_steps
from scim_operator.quickstart.okta import OktaAgent, UnexpectedAnswer, play
from scim_operator.quickstart.overview import EffectiveUser, as_json, as_table, last_used, read_users
from scim_operator.quickstart.table_again import at_each_enter

_MANIFESTS = Path("examples/quickstart")


class Output(StrEnum):
    TABLE = "table"
    JSON = "json"


def quickstart(
    path: PathArgument = None,
    file: FileOption = None,
    namespace: NamespaceOption = DEFAULT_NAMESPACE,
    port: PortOption = 8080,
    data_dir: Annotated[
        Path, typer.Option(file_okay=False, help="Where the database is kept; without it, all begins anew.")
    ] = Path(".local/quickstart"),
    output: Annotated[Output, typer.Option("--output", "-o", help="How the users are shown.")] = Output.TABLE,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log every request.")] = False,
) -> None:
    """Local mode, with a short provider sync played against it as Okta would send it.

    Creates six users, pushes five groups, changes a membership and deactivates a user; shows everybody's state,
    roles and the reasons; then goes on serving, so that you can edit the manifests and see roles change. Playing it
    again finds what is there.
    """
    console, errors = consoles()
    # Standard output must be one JSON object: the news of local mode then go where the problems go.
    reporter = Reporter(console if output is Output.TABLE else errors, errors)
    manifests = one_path(path or (_MANIFESTS if file is None else None), file)
    options = LocalOptions(manifests, data_dir, namespace, port=port)

    async def started(server: LocalServer) -> None:
        connection = server.plan.connection()
        if connection is None:
            raise LocalModeError(f"{manifests}: a ProvisioningConfig with a Provision and a Read token is expected")
        base_url = f"{server.url}/{connection.tenant}/scim/v2"
        users = await _play(base_url, connection)
        await server.forget_changes()
        if output is Output.JSON:
            typer.echo(json.dumps({"baseURL": base_url, "users": as_json(users)}, ensure_ascii=False))
        else:

            async def show(users: list[EffectiveUser]) -> None:
                console.print(as_table(users, connection.targets))
                used = last_used(await server.last_used(connection.tenant))
                console.print(used, soft_wrap=True, highlight=False)

            await show(users)

            async def show_again() -> None:
                try:
                    await show(await read_users(base_url, connection.read.value))
                except aiohttp.ClientError as error:
                    reporter.note(f"the users can't be read now: {error}")

            enter = at_each_enter(show_again)
            steps = next_steps(base_url, manifests, data_dir, connection, users[0].user_name, enter=enter)
            console.print(steps, soft_wrap=True, highlight=False)

    run_local(options, reporter, started, verbose=verbose)


async def _play(base_url: str, connection: Connection) -> list[EffectiveUser]:
    try:
        async with OktaAgent(base_url, connection.provision.value) as agent:
            await play(ACME, agent)
        return await read_users(base_url, connection.read.value)
    except (UnexpectedAnswer, aiohttp.ClientError) as error:
        raise LocalModeError(f"the sync was not accepted: {error}") from None
