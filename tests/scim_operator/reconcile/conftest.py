"""The operator's parts in this process, against a real API server and management APIs of a real port."""

import base64
import itertools
import json
import secrets
import time
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from scim_operator.api import PLURALS, ObjectKey
from scim_operator.cluster import ClusterError
from scim_operator.cluster.connection import ClusterLogin
from scim_operator.cluster.kubernetes_client import KubernetesClient
from scim_operator.delivery import Delivery, ManagementClient, ManagementToken, replicas_at
from scim_operator.reconcile.publish import Publisher
from scim_operator.reconcile.queue import RetryLater
from scim_operator.reconcile.reconciler import Reconciler
from scim_operator.reconcile.shards import ShardNames, shard_of_key
from scim_operator.reconcile.store import ShardStore
from scim_operator.reconcile.triggers import Triggers
from scim_server.config import (
    SHARDS,
    ConfigBundle,
    ServerConfig,
    ServerSecrets,
    config_file,
    decode_config,
    decode_secrets,
    secrets_file,
)
from tests.control_plane.cluster import ControlPlane
from tests.control_plane.kubectl import KubectlError
from tests.scim_operator.delivery.management_stub import TOKEN, ManagementStub
from tests.support.processes import wait_until

CRDS = Path(__file__).parents[3] / "crds"

Object = dict[str, Any]


class CountingClient(KubernetesClient):
    """Remembers what was written. `before_apply` runs before each write of a shard or the index; `on_write` before
    and after every write, with the moment ("before" or "after") and what is written (kind, or resource and name)."""

    def __init__(self, login: ClusterLogin, namespaces: list[str]) -> None:
        super().__init__(login, namespaces)
        self.applied: list[str] = []
        self.statuses: list[str] = []
        self.written: list[str] = []
        """As `applied` and `statuses`, but after the write."""
        self.patched: list[str] = []
        """Names of the configs whose counters were written."""
        self.events: list[Object] = []
        self.before_apply: Callable[[Object], None] = lambda body: None
        self.on_write: Callable[[str, str], None] = lambda moment, what: None

    async def apply(self, body: Object) -> Object:
        self.before_apply(body)
        self.applied.append(body["kind"])
        self.on_write("before", body["kind"])
        written = await super().apply(body)
        self.written.append(body["kind"])
        self.on_write("after", body["kind"])
        return written

    async def apply_status(self, plural: str, body: Object) -> None:
        what = f"{plural}/{body['metadata']['name']}"
        self.statuses.append(what)
        self.on_write("before", what)
        await super().apply_status(plural, body)
        self.written.append(what)
        self.on_write("after", what)

    async def patch_status(self, plural: str, key: ObjectKey, uid: str, fields: Object) -> None:
        self.patched.append(key.name)
        await super().patch_status(plural, key, uid, fields)

    async def create_event(self, body: Object) -> None:
        self.events.append(body)
        self.on_write("before", "Event")
        await super().create_event(body)
        self.on_write("after", "Event")


class World:
    """One namespace: custom resources and the shards both."""

    def __init__(self, cluster: ControlPlane, namespace: str, client: CountingClient, management: ManagementClient):
        self.cluster, self.namespace, self.client = cluster, namespace, client
        self.stub = ManagementStub()
        self._management = management
        self.names = ShardNames(namespace)
        self.okta = ObjectKey(namespace, "okta")
        self.time = time.monotonic()
        self.token = secrets.token_urlsafe(32)
        self._administrator = cluster.administrator()

    def close(self) -> None:
        self._administrator.close()

    def start_operator(self) -> None:
        """A new process, as far as the operator's memory goes."""
        self.delivery = Delivery(self._management, replicas_at([self.stub.url]), patience_seconds=60)
        self.store = ShardStore(self.client, self.names, floor=self.delivery.floor)
        self.opened = False
        self.publisher = Publisher(self.client, "test", lambda: self.time)
        self.triggers = Triggers(
            enqueue=lambda key: None,
            relisted=lambda: None,
            restore=lambda key, uid: None,
            known_statuses=self.publisher.known_statuses,
        )
        self.reconciler = Reconciler(self.client, self.store, self.delivery, self.triggers, self.publisher)

    async def reconcile(self, key: ObjectKey | None = None) -> None:
        """Raises what went wrong."""
        await self.reconcile_together(key or self.okta)

    async def reconcile_together(self, *keys: ObjectKey) -> None:
        """Those of one shard at a time, as the queue hands them out."""
        await self.open()
        of_shard: dict[int, list[ObjectKey]] = {}
        for key in keys:
            of_shard.setdefault(shard_of_key(key), []).append(key)
        for shard, together in of_shard.items():
            for failure in (await self.reconciler.reconcile(shard, together)).values():
                raise failure

    async def open(self) -> frozenset[ObjectKey]:
        """The tenants that are stored, once."""
        if self.opened:
            return frozenset()
        try:
            tenants = await self.reconciler.open()
        except ClusterError as error:
            raise RetryLater(str(error)) from error
        self.opened = True
        await self.delivery.poll()  # as the controller does all the time: the other shards come with it
        return tenants

    @property
    def shard(self) -> int:
        """Of okta."""
        return shard_of_key(self.okta)

    @property
    def config_map(self) -> str:
        """That of okta's shard."""
        return self.names.config_map_key(self.shard).name

    @property
    def secret_name(self) -> str:
        return self.names.secret_key(self.shard).name

    def neighbour(self, number: int = 0) -> str:
        """The name of another config that is in okta's shard."""
        names = (f"next-{each}" for each in range(10_000))
        found = (name for name in names if shard_of_key(ObjectKey(self.namespace, name)) == self.shard)
        return next(itertools.islice(found, number, None))

    def stranger(self) -> str:
        """The name of a config that isn't in okta's shard."""
        names = (f"far-{each}" for each in range(10_000))
        return next(name for name in names if shard_of_key(ObjectKey(self.namespace, name)) != self.shard)

    def apply(self, *objects: Object) -> None:
        self.cluster.apply(*objects)

    def delete(self, *arguments: str) -> None:
        self.cluster.kubectl("delete", *arguments, "-n", self.namespace)

    def patch(self, kind: str, name: str, patch: Object, *, status: bool = False) -> None:
        """Merge `patch` into an object, as somebody else does by hand; `status`: into its status."""
        self._administrator.patch(
            f"{self._place(kind)}/{name}{'/status' if status else ''}",
            content=json.dumps(patch),
            headers={"Content-Type": "application/merge-patch+json"},
        ).raise_for_status()

    def _place(self, kind: str) -> str:
        core = kind in ("configmap", "secret")
        return f"/{'api/v1' if core else 'apis/scim-operator.io/v1alpha1'}/namespaces/{self.namespace}/{kind}s"

    def config(self, name: str = "okta", **spec: Any) -> Object:
        credential = {"name": "one", "secretRef": {"name": f"{name}-token"}}
        return {
            "apiVersion": "scim-operator.io/v1alpha1",
            "kind": "ProvisioningConfig",
            "metadata": {"namespace": self.namespace, "name": name},
            "spec": {
                "authentication": {"bearerTokens": [credential]},
                "roles": [{"name": "admin"}, {"name": "viewer"}],
                **spec,
            },
        }

    def secret(self, name: str = "okta") -> Object:
        return {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"namespace": self.namespace, "name": f"{name}-token"},
            "stringData": {"token": self.token},
        }

    def mapping(self, name: str = "roles", role: str = "admin", config: str = "okta") -> Object:
        return {
            "apiVersion": "scim-operator.io/v1alpha1",
            "kind": "RoleMapping",
            "metadata": {"namespace": self.namespace, "name": name},
            "spec": {
                "configRef": {"name": config},
                "rules": [{"name": "one", "groups": [{"displayName": "Admins"}], "roles": [role]}],
            },
        }

    def get(self, kind: str, name: str) -> Object:
        found = self._read(f"{self._place(kind)}/{name}")
        del found["metadata"]["managedFields"]  # as kubectl shows it
        return found

    def _read(self, path: str) -> Object:
        found: Object = self._administrator.get(path).raise_for_status().json()
        return found

    def conditions(self, kind: str, name: str) -> dict[str, tuple[str, str]]:
        """Status and reason by type."""
        found = self.get(kind, name)["status"].get("conditions", [])
        return {item["type"]: (item["status"], item["reason"]) for item in found}

    def message(self, kind: str, name: str, condition: str) -> str:
        found = self.get(kind, name)["status"]["conditions"]
        (message,) = (item["message"] for item in found if item["type"] == condition)
        return str(message)

    def junk(self) -> Object:
        """In place of okta's shard."""
        return {"binaryData": {config_file(self.shard): "AAAA"}}

    def stored(self) -> dict[int, tuple[ServerConfig, ServerSecrets]]:
        """By shard."""
        maps, secrets = (
            {item["metadata"]["name"]: item for item in self._read(self._place(kind))["items"]}
            for kind in ("configmap", "secret")
        )
        found = {}
        for shard in SHARDS:
            config_map = maps[self.names.config_map_key(shard).name]
            secret = secrets[self.names.secret_key(shard).name]
            config = decode_config(base64.b64decode(config_map["binaryData"][config_file(shard)]))
            found[shard] = config, decode_secrets(base64.b64decode(secret["data"][secrets_file(shard)]))
        return found

    def stored_config(self) -> ServerConfig:
        """All shards as one, with the revision of okta's."""
        config = self._together().config
        return config.model_copy(update={"revision": self.stored()[self.shard][0].revision})

    def stored_secrets(self) -> ServerSecrets:
        secrets = self._together().secrets
        return secrets.model_copy(update={"revision": self.stored()[self.shard][1].revision})

    def _together(self) -> ConfigBundle:
        parts = (ConfigBundle.model_construct(config=pair[0], secrets=pair[1]) for pair in self.stored().values())
        return ConfigBundle.together(parts)

    def served(self) -> list[tuple[str, bool]]:
        """Tenants that the server runs, and whether they are as stored."""
        assert self.stub.holder.current is not None
        stored = {tenant.key: tenant for tenant in self.stored_config().tenants}
        return [(each.key, stored.get(each.key) == each) for each in self.stub.holder.current.config.tenants]


@pytest.fixture(scope="session")
def api_installed(control_plane: ControlPlane) -> None:
    control_plane.kubectl("apply", "-f", CRDS)
    control_plane.kubectl("wait", "--for=condition=Established", "--timeout=30s", "-f", CRDS)
    for plural in PLURALS.values():
        wait_until(partial(_listable, control_plane, plural), seconds=30, what=plural)


def _listable(control_plane: ControlPlane, plural: str) -> bool:
    """A kind whose CRD was just installed answers 429 for a moment ("storage is (re)initializing")."""
    try:
        control_plane.get(plural, "--all-namespaces")
    except KubectlError:
        return False
    return True


@pytest.fixture
async def world(
    control_plane: ControlPlane, api_installed: None, namespace: str, tmp_path: Path
) -> AsyncIterator[World]:
    token_file = tmp_path / "token"
    token_file.write_text(TOKEN)
    login = ClusterLogin(control_plane.kubeconfig)
    async with (
        CountingClient(login, [namespace]) as client,
        ManagementClient(ManagementToken(token_file)) as management,
    ):
        made = World(control_plane, namespace, client, management)
        async with made.stub:
            made.start_operator()
            yield made
            made.close()
