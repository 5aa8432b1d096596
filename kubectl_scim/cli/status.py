"""`kubectl scim status`."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from kubectl_scim.cli.options import ContextOption, KubeconfigOption, NamespaceOption, end, kubectl_of
from kubectl_scim.kubectl import KubectlFailed
from kubectl_scim.overview import overview

_KINDS = "provisioningconfigs,rolemappings,attributemappings"
_NOT_READY = 1


def status(
    namespace: NamespaceOption = "",
    all_namespaces: Annotated[bool, typer.Option("--all-namespaces", "-A", help="Of every namespace.")] = False,
    context: ContextOption = "",
    kubeconfig: KubeconfigOption = None,
) -> None:
    """Show each connection with its mappings, and what is wrong with them.

    A line that begins with ! is a problem, one with - is worth knowing. LAST SYNC is when the provider last wrote,
    LAST CONTACT when anybody with one of the connection's credentials last read or wrote.

    \b
    Exit status:
      0  everything is ready
      1  something isn't
      2  nothing was shown: a wrong option, or kubectl can't read
    """
    kubectl = kubectl_of(context, kubeconfig)
    where = ["--all-namespaces"] if all_namespaces else ["-n", namespace] if namespace else []
    try:
        objects = kubectl.get(_KINDS, *where)["items"]
    except KubectlFailed as error:
        end("status", str(error))
    if not objects:
        typer.echo("There is no ProvisioningConfig, RoleMapping or AttributeMapping here; -A looks everywhere.")
        return
    lines, ready = overview(objects, datetime.now(UTC))
    for line in lines:
        typer.echo(line)
    if not ready:
        raise typer.Exit(_NOT_READY)
