"""`scim-operator validate`: manifests checked before they are applied."""

from enum import StrEnum
from typing import Annotated

import typer

from scim_operator.cli.exit_status import PROBLEMS_FOUND
from scim_operator.cli.github import annotation
from scim_operator.cli.manifests import (
    FilesOption,
    NamespaceOption,
    PathsArgument,
    StrictOption,
    all_paths,
    fatal,
    load_or_exit,
    print_lines,
)
from scim_operator.cli.problems import as_json
from scim_operator.manifests import DEFAULT_NAMESPACE


class Output(StrEnum):
    TEXT = "text"
    JSON = "json"
    GITHUB = "github"


def validate(
    paths: PathsArgument = None,
    files: FilesOption = None,
    namespace: NamespaceOption = DEFAULT_NAMESPACE,
    output: Annotated[
        Output,
        typer.Option(
            "--output",
            "-o",
            help="text: a line per problem on standard error. json: one document on standard output. github:"
            " annotations of a GitHub workflow, on standard output.",
        ),
    ] = Output.TEXT,
    strict: StrictOption = False,
) -> None:
    """Check manifests as the API server and the operator would, without a cluster.

    Every object against its CustomResourceDefinition (unknown fields, types, bounds, rules), and whether they fit
    together: roles in the catalogue, configs that exist and allow the mapping, patterns, Secrets and their tokens.

    A line per problem: file:line: Kind namespace/name: field: what is wrong

    \b
    Exit status:
      0  the manifests are valid
      1  they have problems
      2  nothing was checked: a wrong option, no such file, or no
         ProvisioningConfig, RoleMapping or AttributeMapping is there
    """
    manifests = load_or_exit(all_paths(paths, files), namespace)
    failed = fatal(manifests, strict=strict)
    if output is Output.JSON:
        typer.echo(as_json(manifests, valid=not failed))
    elif output is Output.GITHUB:
        for finding in manifests.findings:
            typer.echo(annotation(finding))
    else:
        print_lines(manifests.findings)
    if failed:
        raise typer.Exit(PROBLEMS_FOUND)
    if output is not Output.JSON:
        count = len(manifests.sources)
        typer.echo(f"{count} {'object is' if count == 1 else 'objects are'} valid")
