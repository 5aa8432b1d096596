"""Processes are killed at random moments; afterwards everything is as it was asked for, and nothing is lost."""

import random
import re
import threading
import time
from collections.abc import Iterator

import httpx
import pytest

from scim_server.config import SHARDS
from tests.e2e.installation import NAMES, Installation
from tests.e2e.installed import Tenant, seed
from tests.e2e.manifests import role_mapping, rule

_ROLES = ("admin", "analyst", "auditor")
_KILLS = 5


@pytest.fixture(autouse=True)
def everything_runs_afterwards(installation: Installation) -> Iterator[None]:
    yield
    for projector in installation.projectors:
        projector.resume()
    for program in (installation.operator, *installation.servers):
        if not program.running:
            program.start()
    for server in installation.servers:
        server.wait_listening()


class Writer(threading.Thread):
    """An identity provider that creates users in a group, one by one, and remembers what was acknowledged."""

    def __init__(self, tenant: Tenant, server: int, group: str, stop: threading.Event) -> None:
        super().__init__(name=f"writer-{server}", daemon=True)
        self.created: dict[str, str] = {}
        """userName → id of users whose creation was answered 201."""
        self.added: set[str] = set()
        """Ids whose membership was answered 2xx."""
        self.interrupted = 0
        self._tenant, self._server, self._group, self._halt = tenant, server, group, stop

    def run(self) -> None:
        client = self._tenant.provider(self._server)
        number = 0
        while not self._halt.is_set():
            number += 1
            name = f"user-{self._server}-{number}@example.com"
            try:
                user = client.create_user(name)
                self.created[name] = user
                client.add_member(self._group, user)
                self.added.add(user)
            except (httpx.TransportError, httpx.HTTPStatusError):
                self.interrupted += 1
                time.sleep(0.05)
        client.close()


def test_kill_9_at_random_moments_loses_nothing_and_converges(installation: Installation, namespace: str) -> None:
    chosen = seed()
    dice = random.Random(chosen)
    print(f"\nseed {chosen}")
    # A change takes roles from so many users that it is held: for a second, whatever dies meanwhile.
    tenant = installation.tenant(namespace, safety={"holdFor": "1s", "maxRoleChanges": {"percent": 0, "count": 5}})
    tenant.apply(role_mapping(namespace, "roles", rule("staff", "Staff", "admin")))
    group = tenant.provider().create_group("Staff")
    stop = threading.Event()
    writers = [Writer(tenant, server, group, stop) for server in (0, 1)]
    for writer in writers:
        writer.start()

    kills = {"operator": 0, "server": 0}
    role = "admin"
    for kind in ("operator", "server", *dice.choices(("operator", "server"), k=_KILLS - 2)):
        role = dice.choice(_ROLES)
        installation.cluster.apply(role_mapping(namespace, "roles", rule("staff", "Staff", role)))
        time.sleep(dice.uniform(0.0, 0.4))
        kills[kind] += 1
        if kind == "operator":
            installation.operator.kill()
            time.sleep(dice.uniform(0.0, 0.5))
            installation.operator.start()
        else:
            server = dice.choice(installation.servers)
            server.kill()
            time.sleep(dice.uniform(0.0, 0.5))
            server.start()
            server.wait_listening()
        time.sleep(dice.uniform(0.0, 1.5))
    stop.set()
    for writer in writers:
        writer.join(timeout=60)
        assert not writer.is_alive()

    installation.cluster.apply(role_mapping(namespace, "roles", rule("staff", "Staff", "auditor", "analyst")))
    installation.wait_for("rolemappings", namespace, "roles", "Programmed", "True")
    installation.wait_for("provisioningconfigs", namespace, "okta", "Ready", "True")
    created = {name: user for writer in writers for name, user in writer.created.items()}
    added = set().union(*(writer.added for writer in writers))
    print(
        f"kills {kills}, users acknowledged {len(created)}, memberships acknowledged {len(added)}, "
        f"interrupted {sum(writer.interrupted for writer in writers)}"
    )
    assert len(created) > 10
    for application in tenant.applications():
        assert created.keys() <= application.user_names()
    assert added <= tenant.provider(1).members(group)
    members = tenant.provider().members(group)
    wanted = {
        user: {"viewer", *(("auditor", "analyst") if user in members else ("guest",))} for user in created.values()
    }
    application = tenant.application(1)
    installation.wait_until(
        lambda: all(application.roles(user) == roles for user, roles in wanted.items()),
        "the last mapping is followed",
    )
    logs = "".join(server.log.read_text() for server in installation.servers)
    assert re.search(rf"hold \S+ of {tenant.key}, .* ends: Apply", logs)


def test_what_happened_while_the_operator_was_down_is_found(installation: Installation, namespace: str) -> None:
    kept, deleted = installation.tenant(namespace, "kept"), installation.tenant(namespace, "deleted")
    mapping = role_mapping(namespace, "roles", rule("admins", "Admins", "admin"), config={"name": "kept"})
    kept.apply(mapping)
    deleted.apply()
    provider = kept.provider()
    user = provider.create_user("ada@example.com")
    provider.create_group("Admins", user)
    assert provider.create_user("bob@example.com")
    installation.operator.kill()
    installation.cluster.kubectl("delete", "provisioningconfig", "deleted", "-n", namespace)
    installation.cluster.kubectl("delete", "rolemapping", "roles", "-n", namespace)
    assert deleted.provider().status() == 200
    assert kept.application().roles(user) == {"viewer", "admin"}
    installation.operator.start()
    for server in (0, 1):
        installation.wait_answer(deleted.provider(server), 401, "the deleted config is gone")
    installation.wait_roles(kept, user, {"viewer", "guest"}, "roles are gone")


def test_a_replica_that_is_down_is_named_and_gets_the_document_when_it_is_back(
    installation: Installation, namespace: str
) -> None:
    down = installation.servers[1]
    for projector in installation.projectors:
        projector.pause()  # so that only a push can bring it
    tenant = installation.tenant(namespace)
    down.kill()
    installation.cluster.apply(*tenant.objects)
    found = installation.wait_for(
        "provisioningconfigs", namespace, "okta", "Programmed", "False", "ReplicaUnavailable"
    )
    assert found["message"].startswith("not every ready replica runs it: no answer")
    assert f"replica {down.address}" in installation.operator.log.read_text()
    installation.wait_for("provisioningconfigs", namespace, "okta", "Reconciling", "True")
    assert tenant.provider(0).status() == 200
    down.start()
    installation.wait_for("provisioningconfigs", namespace, "okta", "Ready", "True")
    assert tenant.provider(1).status() == 200


def test_a_server_that_starts_alone_takes_its_configuration_from_the_mounts(
    installation: Installation, namespace: str
) -> None:
    tenant = installation.tenant(namespace)
    tenant.apply()
    server = installation.servers[0]
    installation.projectors[0].project()
    installation.operator.kill()
    server.kill()
    server.start()
    server.wait_listening()
    installation.wait_until(lambda: tenant.provider(0).status() == 200, "configured by the mounted files")


def test_the_api_server_going_away_is_survived(installation: Installation, namespace: str) -> None:
    tenant = installation.tenant(namespace)
    tenant.apply(role_mapping(namespace, "roles", rule("admins", "Admins", "admin")))
    provider = tenant.provider()
    user = provider.create_user("ada@example.com")
    provider.create_group("Admins", user)
    installation.cluster.restart_api_server()
    assert tenant.application().roles(user) == {"viewer", "admin"}
    installation.cluster.kubectl("delete", "rolemapping", "roles", "-n", namespace)
    installation.wait_roles(tenant, user, {"viewer", "guest"}, "roles are gone")
    assert installation.operator.running


def test_deleted_shards_are_made_again_with_every_tenant(installation: Installation, namespace: str) -> None:
    first, second = installation.tenant(namespace, "first"), installation.tenant(namespace, "second")
    first.apply()
    second.apply()
    installation.operator.kill()
    keys = [NAMES.config_map_key(shard) for shard in SHARDS]
    installation.cluster.kubectl("delete", "configmap", *(key.name for key in keys), "-n", NAMES.namespace)
    installation.operator.start()
    installation.wait_until(
        lambda: all(installation.reader.get("configmaps", key.namespace, key.name) is not None for key in keys),
        "the shards are made again",
    )
    first.config["spec"]["displayName"] = "Renamed"
    first.apply()
    for server in (0, 1):
        assert first.provider(server).status() == 200
        assert second.provider(server).status() == 200


def test_sigterm_ends_the_operator_in_order(installation: Installation) -> None:
    assert installation.operator.stop() == 0
