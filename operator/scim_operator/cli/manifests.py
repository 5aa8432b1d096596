"""What `validate` and `render` share: reading manifests and telling what is wrong with them."""

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from scim_operator.manifests import Finding, Manifests, Severity, UnreadableFile, load
from scim_operator.manifests.printable import printable

PROBLEMS_FOUND = 2
"""Exit status."""

FilesOption = Annotated[
    list[Path],
    typer.Option(
        "--filename",
        "-f",
        metavar="PATH",
        help="Folder of manifests (searched recursively for *.yaml and *.yml), a file, or - for standard input."
        " May be repeated: objects may refer to each other across all of them.",
    ),
]

StrictOption = Annotated[
    bool, typer.Option("--strict", help="Fail on warnings too, such as a Secret that is not among the manifests.")
]


def load_or_exit(paths: list[Path], *, strict: bool) -> Manifests:
    """Manifests without errors, at least one. Otherwise prints one line per problem to standard error and exits."""
    try:
        manifests = load(paths, now=datetime.now(UTC))
    except UnreadableFile as error:
        fail(str(error))
    _print(manifests.findings)
    fatal = {Severity.ERROR, Severity.WARNING} if strict else {Severity.ERROR}
    if any(finding.severity in fatal for finding in manifests.findings):
        raise typer.Exit(PROBLEMS_FOUND)
    if not manifests.sources:  # a folder that is misspelt or has moved must not pass as valid
        kinds = "ProvisioningConfig, RoleMapping, AttributeMapping, Secret or Namespace"
        fail(f"{', '.join(map(str, paths))}: no {kinds} is here")
    return manifests


def fail(message: str) -> NoReturn:
    typer.echo(printable(message), err=True)
    raise typer.Exit(PROBLEMS_FOUND)


def _print(findings: Iterable[Finding]) -> None:
    for finding in findings:
        typer.echo(str(finding), err=True)
