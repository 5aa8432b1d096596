"""`scim-operator render`: the configuration that the operator would deliver."""

import json
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from scim_operator.cli.exit_status import PROBLEMS_FOUND
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
from scim_operator.manifests import DEFAULT_NAMESPACE, plan_world
from scim_server.config import ConfigBundle, new_token_key

_KEY_BYTES = len(new_token_key())


class Output(StrEnum):
    JSON = "json"
    YAML = "yaml"


def render(
    paths: PathsArgument = None,
    files: FilesOption = None,
    namespace: NamespaceOption = DEFAULT_NAMESPACE,
    output: Annotated[Output, typer.Option("--output", "-o", help="Form of the output.")] = Output.JSON,
    token_key_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="File with the installation's key for digests of tokens, as 64 hexadecimal digits. Without it a new"
            " key is used, so that digests differ from run to run.",
        ),
    ] = None,
    strict: StrictOption = False,
) -> None:
    """Print the server's configuration that the manifests make, as the operator would deliver it.

    Tokens appear as digests, under secrets.digests; the key of the digests is never printed. Manifests with errors
    are refused as `validate` does it, with the same exit status. A suspended ProvisioningConfig is left out, as
    nothing was delivered before.
    """
    token_key = _token_key(token_key_file)
    manifests = load_or_exit(all_paths(paths, files), namespace)
    print_lines(manifests.findings)
    if fatal(manifests, strict=strict):
        raise typer.Exit(PROBLEMS_FOUND)
    world = manifests.world
    note_suspended(world)
    bundle = plan_world(world, token_key, now=datetime.now(UTC)).bundle(token_key, revision=1)
    shown = _shown(bundle)
    if output is Output.JSON:
        typer.echo(json.dumps(shown, indent=2, ensure_ascii=False))
    else:
        typer.echo(yaml.safe_dump(shown, sort_keys=False, allow_unicode=True), nl=False)


def _shown(bundle: ConfigBundle) -> dict[str, Any]:
    return {
        "config": bundle.config.model_dump(mode="json", exclude_none=True),
        "secrets": {"digests": bundle.secrets.digests},
    }


def _token_key(file: Path | None) -> bytes:
    if file is None:
        return new_token_key()
    try:
        key = bytes.fromhex(file.read_text(encoding="utf-8").strip())
    except OSError as error:
        fail(f"{file}: {error.strerror}")
    except ValueError:
        key = b""
    if len(key) != _KEY_BYTES:
        fail(f"{file}: a key of {2 * _KEY_BYTES} hexadecimal digits is expected")
    return key
