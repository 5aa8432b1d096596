"""Plays the kubelet for one pod: keeps the mounted ConfigMaps and Secrets up to date, and is as late as it is.

Each mount is a projected volume: a directory whose files are links into `..data`, a link that is swapped at once; the
two mounts change independently of each other.
"""

import base64
import os
import threading
from pathlib import Path
from typing import Any

from scim_operator.reconcile import ShardNames
from scim_server.config import SHARDS
from tests.e2e.cluster_api import ClusterReader


class Projector:
    """Copies every `period` seconds into `DIR/config` and `DIR/secrets` until closed; `pause` holds it."""

    def __init__(
        self,
        reader: ClusterReader,
        directory: Path,
        *,
        names: ShardNames,
        period: float,
    ) -> None:
        self._reader = reader
        self._mounts = (
            ("configmaps", [names.config_map_key(shard) for shard in SHARDS], directory / "config"),
            ("secrets", [names.secret_key(shard) for shard in SHARDS], directory / "secrets"),
        )
        self._period = period
        self._paused = threading.Event()
        self._closed = threading.Event()
        self._versions: dict[Path, list[str]] = {}
        for _, _, mount in self._mounts:
            mount.mkdir(parents=True)
        self._thread = threading.Thread(target=self._run, name="projector", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._closed.set()
        self._thread.join(timeout=30)

    def pause(self) -> None:
        self._paused.set()

    def resume(self) -> None:
        self._paused.clear()

    def project(self) -> None:
        """Once, now."""
        for plural, keys, mount in self._mounts:
            stored = self._reader.get(plural, keys[0].namespace)
            if stored is None:
                continue  # the API server is away; what is mounted stays
            names = {key.name for key in keys}
            found = [item for item in stored["items"] if item["metadata"]["name"] in names]
            versions = [item["metadata"]["resourceVersion"] for item in found]
            if self._versions.get(mount, []) != versions:
                _swap(mount, {name: value for item in found for name, value in _values(plural, item).items()})
                self._versions[mount] = versions

    def _run(self) -> None:
        while not self._closed.wait(self._period):
            if not self._paused.is_set():
                self.project()


def _values(plural: str, found: dict[str, Any]) -> dict[str, bytes]:
    """A Secret's `data` and a ConfigMap's `binaryData` are base64, a ConfigMap's `data` is text."""
    encoded = {**(found.get("binaryData") or {}), **(found["data"] if plural == "secrets" else {})}
    values = {name: base64.b64decode(value) for name, value in encoded.items()}
    if plural == "configmaps":
        values |= {name: value.encode() for name, value in (found.get("data") or {}).items()}
    return values


def _swap(mount: Path, values: dict[str, bytes]) -> None:
    """As kubernetes/pkg/volume/util/atomic_writer.go does it."""
    version = mount / f"..{os.urandom(8).hex()}"
    version.mkdir()
    for name, value in values.items():
        (version / name).write_bytes(value)
    data, fresh = mount / "..data", mount / "..data_tmp"
    before = data.resolve() if data.exists() else None
    fresh.symlink_to(version.name)
    fresh.replace(data)
    for name in values:
        link = mount / name
        if not link.is_symlink():
            link.symlink_to(Path("..data") / name)
    if before is not None:
        for file in before.iterdir():
            file.unlink()
        before.rmdir()
