"""Options that several commands have, named as kubectl's own are."""

from pathlib import Path
from typing import Annotated, NoReturn

import typer

from kubectl_scim.kubectl import Kubectl
from scim_server.command_line import USAGE_ERROR

NamespaceOption = Annotated[
    str, typer.Option("--namespace", "-n", metavar="NAMESPACE", help="Default: that of the kubeconfig's context.")
]
ContextOption = Annotated[str, typer.Option("--context", metavar="NAME", help="Context of the kubeconfig.")]
KubeconfigOption = Annotated[Path | None, typer.Option("--kubeconfig", metavar="FILE", help="As of kubectl.")]


def kubectl_of(context: str, kubeconfig: Path | None) -> Kubectl:
    chosen = [f"--context={context}"] if context else []
    return Kubectl([*chosen, *([f"--kubeconfig={kubeconfig}"] if kubeconfig else [])])


def end(command: str, message: str) -> NoReturn:
    """One line, and the status of a command that could not do what it was asked for."""
    typer.echo(f"kubectl scim {command}: {message}", err=True)
    raise typer.Exit(USAGE_ERROR)
