"""`kubectl scim probe`."""

import ssl
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from kubectl_scim.cli.options import ContextOption, KubeconfigOption, NamespaceOption, end, kubectl_of
from kubectl_scim.connection import NoConnection, basic, connection_of
from kubectl_scim.kubectl import KubectlFailed
from kubectl_scim.probe.client import trusting, trusting_everybody
from kubectl_scim.probe.providers import OF_CONFIG, PROVIDERS
from kubectl_scim.probe.run import run_probe

As = StrEnum("As", {name.upper(): name for name in PROVIDERS})  # type: ignore[misc] # of what there is

_BY_URL = "A server by its URL"
_BY_NAME = "A ProvisioningConfig by its name"


def probe(
    target: Annotated[
        str, typer.Argument(metavar="URL|NAME", help="SCIM base URL, or the name of a ProvisioningConfig.")
    ],
    token: Annotated[
        str,
        typer.Argument(
            metavar="TOKEN",
            envvar="SCIM_TOKEN",
            help="With a URL. It stays in the shell's history: rather use a file.",
        ),
    ] = "",
    as_: Annotated[
        As | None,
        typer.Option("--as", help="Provider to play. Default: that of the ProvisioningConfig, else generic."),
    ] = None,
    token_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="File with the token; - is standard input.", rich_help_panel=_BY_URL),
    ] = None,
    user: Annotated[
        str,
        typer.Option(metavar="NAME", help="The token is this user's password (HTTP Basic).", rich_help_panel=_BY_URL),
    ] = "",
    ca_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Certificates to trust instead of the system's, PEM.", rich_help_panel=_BY_URL
        ),
    ] = None,
    port_forward: Annotated[
        bool,
        typer.Option(
            "--port-forward", help="Go through kubectl port-forward, not the public URL.", rich_help_panel=_BY_NAME
        ),
    ] = False,
    service: Annotated[
        str,
        typer.Option(
            metavar="NAMESPACE/NAME", help="Service of the servers, for the forwarded port.", rich_help_panel=_BY_NAME
        ),
    ] = "",
    namespace: NamespaceOption = "",
    context: ContextOption = "",
    kubeconfig: KubeconfigOption = None,
) -> None:
    """Play what a provider sends when its connection is tested and first synchronised, and say what it would complain
    about.

    It works against any SCIM server. It makes users and a group whose names begin with scim-probe-, and deletes them,
    also when it fails and on Ctrl-C. Applications that listen to the server see them come and go.

    \b
    Exit status:
      0    the provider would be content
      1    it would fail, or something is left behind
      2    nothing was played: a wrong option, no token, kubectl can't read
      130  interrupted, and undone
    """
    if "://" in target:
        authorization = _given(token, token_file, user)
        _refuse_bad_url(target)
        raise typer.Exit(_run(as_ or As("generic"), target, authorization, _tls(ca_file)))
    if token or token_file or user:
        end("probe", f"{target!r} is no URL (https://HOST/PATH), and a ProvisioningConfig has its own token")
    if "/" in target:
        end("probe", f"{target!r} is neither a URL (https://HOST/PATH) nor the name of a ProvisioningConfig")
    if service and service.count("/") != 1:
        end("probe", f"--service: NAMESPACE/NAME is expected, found {service!r}")
    kubectl = kubectl_of(context, kubeconfig)
    try:
        place = namespace or kubectl.namespace()
        with connection_of(kubectl, place, target, service=service, forwarded=port_forward) as found:
            chosen = as_ or As(OF_CONFIG.get(found.provider, "generic"))
            tls = _tls(ca_file) if found.verify else trusting_everybody()
            status = _run(chosen, found.base_url, found.authorization, tls)
    except (KubectlFailed, NoConnection) as error:
        end("probe", str(error))
    raise typer.Exit(status)


def _run(chosen: As, base_url: str, authorization: str, tls: ssl.SSLContext) -> int:
    return run_probe(PROVIDERS[chosen.value], base_url, authorization, tls=tls, say=typer.echo)


def _tls(ca_file: Path | None) -> ssl.SSLContext:
    try:
        return trusting(ca_file)
    except OSError as error:
        end("probe", f"--ca-file: {ca_file}: {error.strerror or 'certificates in PEM are expected'}")


def _given(token: str, token_file: Path | None, user: str) -> str:
    if token_file is not None:
        try:
            token = sys.stdin.read() if token_file == Path("-") else token_file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            end("probe", f"--token-file: {token_file}: {getattr(error, 'strerror', None) or 'UTF-8 is expected'}")
    token = token.strip()
    if not token:
        end("probe", "a token is expected: --token-file FILE, --token-file - (standard input), SCIM_TOKEN, or TOKEN")
    if not token.isprintable() or not token.isascii() or (" " in token and not user):
        end("probe", "the token has characters that no provider can send in a header")
    return basic(user, token) if user else f"Bearer {token}"


def _refuse_bad_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and parts.hostname and (parts.port or 1)
    except ValueError:
        good = False
    if not good:
        end("probe", f"URL: https://HOST/PATH is expected, found {url!r}")
    if parts.username or parts.password:
        end("probe", "URL: a password doesn't belong into the URL; give it with --user and --token-file")
