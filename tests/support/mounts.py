"""Configuration files as the kubelet mounts them."""

import itertools
from pathlib import Path

from scim_server.config import (
    CONFIG_FILE,
    SECRETS_FILE,
    ConfigBundle,
    config_file,
    encode_config,
    encode_secrets,
    secrets_file,
)

_versions = itertools.count()


def mount(directory: Path, files: dict[str, bytes]) -> None:
    """Write as the kubelet does: a new folder, then the symbolic link `..data` is swapped atomically."""
    directory.mkdir(parents=True, exist_ok=True)
    version = directory / f"..version-{next(_versions)}"
    version.mkdir()
    for name, content in files.items():
        (version / name).write_bytes(content)
    link = directory / "..data_tmp"
    link.symlink_to(version.name)
    link.rename(directory / "..data")
    for name in files:
        if not (directory / name).is_symlink():
            (directory / name).symlink_to(Path("..data") / name)


def mount_shards(directory: Path, *bundles: ConfigBundle) -> None:
    """All shards that are mounted from now on."""
    mount(directory / "config", {config_file(each.shard): encode_config(each.config) for each in bundles})
    mount(directory / "secrets", {secrets_file(each.shard): encode_secrets(each.secrets) for each in bundles})


def mount_config(directory: Path, bundle: ConfigBundle) -> None:
    mount(directory / "config", {CONFIG_FILE: encode_config(bundle.config)})


def mount_secrets(directory: Path, bundle: ConfigBundle) -> None:
    mount(directory / "secrets", {SECRETS_FILE: encode_secrets(bundle.secrets)})


def mount_pair(directory: Path, bundle: ConfigBundle) -> None:
    mount_config(directory, bundle)
    mount_secrets(directory, bundle)
