"""`kubectl scim token`."""

import re
import sys
from typing import Annotated

import typer

from kubectl_scim.cli.options import end
from kubectl_scim.new_token import next_steps, secret_manifest

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*", re.ASCII)
_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", re.ASCII)
_KEY = re.compile(r"[-._a-zA-Z0-9]+", re.ASCII)


def token(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Of the Secret, such as okta-2026-11.")],
    namespace: Annotated[
        str,
        typer.Option(
            "--namespace",
            "-n",
            metavar="NAMESPACE",
            help="That of the ProvisioningConfig. Without it the Secret goes where it is applied.",
        ),
    ] = "",
    key: Annotated[str, typer.Option(metavar="KEY", help="Under which the token stands in the Secret.")] = "token",
) -> None:
    """Print a Secret with a new random token, as a manifest: 32 bytes of randomness.

    Standard output is the manifest alone, so that it can go to `kubectl apply -f -`. What to do next is printed on
    standard error, without the token.
    """
    if not _NAME.fullmatch(name):
        end("token", f"NAME: {name!r} can't be the name of a Secret: small letters, digits, - and . are expected")
    if namespace and not _NAMESPACE.fullmatch(namespace):
        end("token", f"--namespace: {namespace!r} can't be the name of a namespace")
    if not _KEY.fullmatch(key):
        end("token", f"--key: {key!r} can't be a key of a Secret: letters, digits, -, _ and . are expected")
    typer.echo(secret_manifest(name, namespace or None, key), nl=False)
    steps = next_steps(name, namespace or None, key, on_a_terminal=sys.stdout.isatty())
    typer.echo(steps, nl=False, err=True)
