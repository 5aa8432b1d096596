"""The adapter against a real API server."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from scim_operator.api import ObjectKey
from scim_operator.cluster import ClusterConflict, ClusterForbidden, ClusterRefused, ClusterUnavailable
from scim_operator.cluster.connection import ClusterLogin
from scim_operator.cluster.errors import ClusterUnauthorized
from scim_operator.cluster.kubernetes_client import KubernetesClient
from tests.control_plane.cluster import ControlPlane


@pytest.fixture
async def client(control_plane: ControlPlane) -> AsyncIterator[KubernetesClient]:
    async with KubernetesClient(ClusterLogin(control_plane.kubeconfig)) as client:
        yield client


def config_map(namespace: str, text: str, **metadata: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"namespace": namespace, "name": "document", **metadata},
        "data": {"text": text},
    }


async def test_apply_creates_and_replaces_what_it_owns(client: KubernetesClient, namespace: str) -> None:
    await client.apply(config_map(namespace, "one"))
    await client.apply(config_map(namespace, "two"))
    found = await client.get_config_map(ObjectKey(namespace, "document"))
    assert found is not None
    assert found["data"] == {"text": "two"}
    assert [entry["manager"] for entry in found["metadata"]["managedFields"]] == ["scim-operator"]


async def test_apply_is_refused_when_the_object_changed_since_it_was_read(
    client: KubernetesClient, namespace: str
) -> None:
    first = await client.apply(config_map(namespace, "one"))
    await client.apply(config_map(namespace, "two"))
    with pytest.raises(ClusterConflict):
        await client.apply(config_map(namespace, "three", resourceVersion=first["metadata"]["resourceVersion"]))


async def test_what_is_not_there_is_none(client: KubernetesClient, namespace: str) -> None:
    assert await client.get_secret(ObjectKey(namespace, "absent")) is None
    assert await client.get_namespace_labels("no-such-namespace") is None
    labels = await client.get_namespace_labels(namespace)
    assert labels == {"kubernetes.io/metadata.name": namespace}


@pytest.mark.parametrize("name", ["../../{}/secrets/theirs", "..", "../secrets/theirs", "a/b", "a%2fb", "a?b", "a#b"])
async def test_a_name_never_leads_to_another_object(
    client: KubernetesClient, control_plane: ControlPlane, namespace: str, name: str
) -> None:
    """People choose these names; the operator may read more than they may."""
    other = control_plane.create_namespace()
    control_plane.kubectl("create", "secret", "generic", "theirs", "--namespace", other, "--from-literal=token=t")
    assert await client.get_secret(ObjectKey(other, "theirs")) is not None
    assert await client.get_secret(ObjectKey(namespace, name.format(other))) is None
    assert await client.get_config(ObjectKey(f"{namespace}/../{other}", "okta")) is None


async def test_an_invalid_object_is_refused_with_the_servers_reason(client: KubernetesClient, namespace: str) -> None:
    with pytest.raises(ClusterRefused, match="Invalid value"):
        await client.apply(config_map(namespace, "one") | {"data": {"not/a/key": "x"}})


async def test_what_the_role_does_not_allow_is_forbidden(control_plane: ControlPlane, namespace: str) -> None:
    async with KubernetesClient(ClusterLogin(control_plane.user_kubeconfig("nobody-in-particular"))) as client:
        with pytest.raises(ClusterForbidden) as refused:
            await client.get_secret(ObjectKey(namespace, "any"))
        where = f"in namespace {namespace}: apply charts/scim-operator/rbac"
        assert str(refused.value) == f"the operator may not get secrets {where}"


async def test_a_server_that_does_not_answer_is_unavailable(control_plane: ControlPlane, tmp_path: Path) -> None:
    config = json.loads(control_plane.kubeconfig.read_text())
    config["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1"
    path = tmp_path / "kubeconfig"
    path.write_text(json.dumps(config))
    async with KubernetesClient(ClusterLogin(path)) as client:
        with pytest.raises(
            ClusterUnavailable, match=r"^the Kubernetes API doesn't answer at https?://127\.0\.0\.1:\d+: "
        ):
            await client.get_namespace_labels("default")


async def test_a_kubeconfig_that_is_none_is_said_so(tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text("{}")
    with pytest.raises(ClusterUnauthorized, match="no way to log in"):
        await ClusterLogin(path).configuration()


async def test_a_token_that_was_replaced_is_read_anew(
    control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    control_plane.apply(
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"namespace": namespace, "name": "reader"}}
    )
    for arguments in (
        ("role", "reader", "--verb=get", "--resource=configmaps"),
        ("rolebinding", "reader", "--role=reader", f"--serviceaccount={namespace}:reader"),
    ):
        control_plane.kubectl("create", *arguments, "-n", namespace)
    good = control_plane.service_account_kubeconfig(namespace, "reader").read_text()
    config = json.loads(good)
    config["users"][0]["user"]["token"] = "expired"
    path = tmp_path / "kubeconfig"
    path.write_text(json.dumps(config))
    async with KubernetesClient(ClusterLogin(path)) as client:
        with pytest.raises(ClusterUnauthorized):
            await client.get_config_map(ObjectKey(namespace, "any"))
        await asyncio.to_thread(path.write_text, good)
        several = [client.get_config_map(ObjectKey(namespace, "any")) for _ in range(5)]
        assert await asyncio.gather(*several) == [None] * 5


async def test_the_login_is_the_same_for_kopf(control_plane: ControlPlane, namespace: str) -> None:
    control_plane.apply(
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"namespace": namespace, "name": "operator"}}
    )
    path = control_plane.service_account_kubeconfig(namespace, "operator")
    credentials = await ClusterLogin(path).credentials()
    assert credentials.server == control_plane.url
    assert credentials.scheme == "Bearer"
    assert credentials.token == json.loads(path.read_text())["users"][0]["user"]["token"]
    assert str(credentials.token) not in repr(credentials)
    assert credentials.ca_path is not None
    assert not credentials.insecure


async def test_endpoint_slices_are_followed(
    control_plane: ControlPlane, client: KubernetesClient, namespace: str
) -> None:
    def slice_of(name: str, address: str, service: str = "server") -> dict[str, Any]:
        return {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {"namespace": namespace, "name": name, "labels": {"kubernetes.io/service-name": service}},
            "addressType": "IPv4",
            "ports": [{"name": "management", "port": 8081}],
            "endpoints": [{"addresses": [address]}],
        }

    def addresses(slices: Any) -> list[str]:
        return sorted(endpoint["addresses"][0] for item in slices for endpoint in item["endpoints"])

    control_plane.apply(slice_of("one", "10.0.0.1"), slice_of("other", "10.0.0.9", "another-service"))
    watching = client.watch_endpoint_slices(ObjectKey(namespace, "server"))
    async with asyncio.timeout(30):
        assert addresses(await anext(watching)) == ["10.0.0.1"]
        control_plane.apply(slice_of("two", "10.0.0.2"))
        assert addresses(await anext(watching)) == ["10.0.0.1", "10.0.0.2"]
        control_plane.apply(slice_of("one", "10.0.0.3"))
        assert addresses(await anext(watching)) == ["10.0.0.2", "10.0.0.3"]
        control_plane.kubectl("delete", "endpointslice", "two", "-n", namespace)
        assert addresses(await anext(watching)) == ["10.0.0.3"]
    async with asyncio.timeout(90):
        control_plane.restart_api_server()
        control_plane.apply(slice_of("three", "10.0.0.4"))
        while addresses(await anext(watching)) != ["10.0.0.3", "10.0.0.4"]:
            pass
    await watching.aclose()  # type: ignore[attr-defined]


async def test_a_secret_comes_as_the_api_has_it(
    control_plane: ControlPlane, client: KubernetesClient, namespace: str
) -> None:
    control_plane.apply(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"namespace": namespace, "name": "token"},
            "stringData": {"token": "a token of the tests"},
        }
    )
    found = await client.get_secret(ObjectKey(namespace, "token"))
    assert found is not None
    assert base64.b64decode(found["data"]["token"]) == b"a token of the tests"
