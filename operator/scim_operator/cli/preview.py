"""`scim-operator preview`: what manifests would change of the roles that users have."""

import json
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import typer

from scim_operator.cli.exit_status import CONDITION_NOT_MET, PROBLEMS_FOUND
from scim_operator.cli.manifests import (
    FilesOption,
    NamespaceOption,
    PathsArgument,
    StrictOption,
    all_paths,
    fail,
    fatal,
    load_or_exit,
    note_suspended,
    print_lines,
)
from scim_operator.cli.preview_text import markdown, text, users_losing
from scim_operator.cli.sources import (
    CaFileOption,
    DatabaseOption,
    DataDirOption,
    ServerOption,
    SourceOptions,
    TlsNameOption,
    TokenFileOption,
    ask,
)
from scim_operator.manifests import DEFAULT_NAMESPACE, plan_world
from scim_server.config import new_token_key


class Output(StrEnum):
    TABLE = "table"
    JSON = "json"
    MARKDOWN = "markdown"


def preview(
    paths: PathsArgument = None,
    files: FilesOption = None,
    namespace: NamespaceOption = DEFAULT_NAMESPACE,
    max_losses: Annotated[
        int | None,
        typer.Option("--max-losses", metavar="N", min=0, help="Exit with 1 where more than N users lose a role."),
    ] = None,
    output: Annotated[
        Output,
        typer.Option(
            "--output", "-o", help="How it is printed; markdown is for pull requests and the summary of a CI job."
        ),
    ] = Output.TABLE,
    strict: StrictOption = False,
    data_dir: DataDirOption = None,
    database: DatabaseOption = None,
    server: ServerOption = None,
    token_file: TokenFileOption = None,
    ca_file: CaFileOption = None,
    tls_name: TlsNameOption = None,
) -> None:
    """Say who would gain and who would lose which role if the manifests were applied.

    The manifests are planned as `render` does it, and compared with the roles that users have now. Nothing is
    changed. A ProvisioningConfig that isn't among the manifests is left out.

    \b
    Exit status:
      0  it is told
      1  more than N users lose a role (--max-losses), or the manifests have
         problems
      2  it can't be told: a wrong option, no such file, no answer
    """
    manifests = load_or_exit(all_paths(paths, files), namespace)
    print_lines(manifests.findings)
    if fatal(manifests, strict=strict):
        raise typer.Exit(PROBLEMS_FOUND)
    note_suspended(manifests.world)
    token_key = new_token_key()  # of digests, which a preview doesn't look at
    config = plan_world(manifests.world, token_key, now=datetime.now(UTC)).bundle(token_key, revision=1).config
    if not config.tenants:
        fail("there is no ProvisioningConfig to compare with")
    answer = ask(
        SourceOptions(data_dir, database, server, token_file, ca_file, tls_name),
        lambda source: source.preview(config),
    )
    match output:
        case Output.JSON:
            typer.echo(json.dumps(answer, indent=2, ensure_ascii=False))
        case Output.MARKDOWN:
            typer.echo(markdown(answer))
        case Output.TABLE:
            typer.echo(text(answer))
    losing = users_losing(answer)
    if max_losses is not None and losing > max_losses:
        typer.echo(f"{losing} users lose a role: at most {max_losses} may (--max-losses)", err=True)
        raise typer.Exit(CONDITION_NOT_MET)
