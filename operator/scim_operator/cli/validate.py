"""`scim-operator validate`: manifests checked before they are applied."""

import typer

from scim_operator.cli.manifests import FilesOption, StrictOption, load_or_exit


def validate(files: FilesOption, strict: StrictOption = False) -> None:
    """Check manifests as the API server and the operator would, without a cluster.

    Every object against its CustomResourceDefinition (unknown fields, types, bounds, rules), and whether they fit
    together: roles in the catalogue, configs that exist and allow the mapping, patterns, Secrets and their tokens.

    Exits with 0 when everything is valid, with 2 when there is nothing to check, otherwise with 2 and one line per
    problem:

    file:line: Kind namespace/name: field: what is wrong
    """
    count = len(load_or_exit(files, strict=strict).sources)
    typer.echo(f"{count} {'object is' if count == 1 else 'objects are'} valid")
