"""What the commands that read manifests share: which ones, and what keeps a command from starting."""

import gc
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from scim_operator.api import ATTRIBUTE_MAPPING, PROVISIONING_CONFIG, ROLE_MAPPING
from scim_operator.cli.exit_status import NOT_RUN
from scim_operator.manifests import Finding, Manifests, Severity, UnreadableFile, World, load
from scim_operator.manifests.object_meta import wrong_namespace
from scim_operator.manifests.printable import printable

_OUR_KINDS = (PROVISIONING_CONFIG, ROLE_MAPPING, ATTRIBUTE_MAPPING)


def _is_namespace(name: str) -> str:
    wrong = wrong_namespace(name)
    if wrong:
        raise typer.BadParameter(wrong)
    return name


PathsArgument = Annotated[
    list[Path] | None, typer.Argument(metavar="PATH", help="The same as -f PATH.", show_default=False)
]

FilesOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--filename",
        "-f",
        metavar="PATH",
        help="Folder of manifests (searched recursively for *.yaml, *.yml and *.json), a file, or - for standard"
        " input. May be repeated: objects may refer to each other across all of them.",
    ),
]

PathArgument = Annotated[Path | None, typer.Argument(metavar="PATH", help="The same as -f PATH.", show_default=False)]

FileOption = Annotated[
    Path | None,
    typer.Option("--filename", "-f", metavar="PATH", help="Folder of manifests (searched recursively), or one file."),
]

NamespaceOption = Annotated[
    str,
    typer.Option(
        "--namespace",
        "-n",
        metavar="NAMESPACE",
        callback=_is_namespace,
        help="Namespace of the objects whose manifest gives none, as with kubectl.",
    ),
]

StrictOption = Annotated[
    bool, typer.Option("--strict", help="Fail on warnings too, such as a Secret that is not among the manifests.")
]


def fatal(manifests: Manifests, *, strict: bool) -> bool:
    """Whether something is wrong with them."""
    severities = {Severity.ERROR, Severity.WARNING} if strict else {Severity.ERROR}
    return any(finding.severity in severities for finding in manifests.findings)


def all_paths(paths: Sequence[Path] | None, files: Sequence[Path] | None) -> list[Path]:
    """What is given in either way, at least one."""
    given = [*(paths or ()), *(files or ())]
    if not given:
        raise typer.BadParameter("give the manifests, as PATH or -f PATH")
    return given


def one_path(path: Path | None, file: Path | None) -> Path:
    """What is given in either way, exactly one."""
    given = all_paths([path] if path is not None else [], [file] if file is not None else [])
    if len(given) > 1:
        raise typer.BadParameter("one PATH is expected")
    return given[0]


def load_or_exit(paths: Sequence[Path], namespace: str) -> Manifests:
    """Manifests of our kinds, which may have errors. Without any, prints one line and exits."""
    gc.disable()  # a third of the time would go into looking for garbage among values that all stay to the end
    try:
        manifests = load(paths, now=datetime.now(UTC), namespace=namespace)
    except UnreadableFile as error:
        fail(str(error))
    if not manifests.errors and not any(kind in _OUR_KINDS for kind, _ in manifests.sources):
        # A folder that is misspelt or has moved must not pass as valid.
        print_lines(finding for finding in manifests.findings if finding.severity is not Severity.NOTE)
        fail(f"nothing of {', '.join(_OUR_KINDS)} in {', '.join(map(str, paths))}")
    return manifests


def note_suspended(world: World) -> None:
    for key, config in sorted(world.configs.items()):
        if config.spec.suspend:
            typer.echo(f"note: ProvisioningConfig {key} is suspended and left out", err=True)


def print_lines(findings: Iterable[Finding]) -> None:
    for finding in findings:
        typer.echo(str(finding), err=True)


def fail(message: str) -> NoReturn:
    typer.echo(printable(message), err=True)
    raise typer.Exit(NOT_RUN)
