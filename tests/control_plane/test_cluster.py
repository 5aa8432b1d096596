"""The control plane that the other tests stand on is a real one, with the network that they need."""

import http.server
import json
import threading
import urllib.request
from typing import Any

import pytest

from tests.control_plane.cluster import ControlPlane
from tests.control_plane.kubectl import KubectlError
from tests.support.processes import free_port


def endpoint_slice(address: str, port: int) -> dict[str, Any]:
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": "server", "labels": {"kubernetes.io/service-name": "server"}},
        "addressType": "IPv4",
        "endpoints": [{"addresses": [address], "conditions": {"ready": True}}],
        "ports": [{"name": "management", "port": port}],
    }


class Greeting(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f"hello {self.client_address[0]}".encode())


def test_an_endpoint_slice_can_name_a_server_of_the_test(
    control_plane: ControlPlane, namespace: str, private_network: tuple[str, ...]
) -> None:
    address = private_network[1]
    with http.server.HTTPServer((address, 0), Greeting) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        slice_ = endpoint_slice(address, server.server_port)
        control_plane.kubectl("apply", "--namespace", namespace, "-f", "-", stdin=json.dumps(slice_))

        stored = control_plane.get("endpointslice", "server", "--namespace", namespace)
        host, port = stored["endpoints"][0]["addresses"][0], stored["ports"][0]["port"]
        with urllib.request.urlopen(f"http://{host}:{port}/", timeout=10) as response:
            assert response.read() == f"hello {address}".encode()
        server.shutdown()


def test_loopback_would_not_do(control_plane: ControlPlane, namespace: str) -> None:
    slice_ = endpoint_slice("127.0.0.1", free_port())
    with pytest.raises(KubectlError, match="loopback"):
        control_plane.kubectl("apply", "--namespace", namespace, "-f", "-", stdin=json.dumps(slice_))


def test_a_user_may_do_what_rbac_grants_and_no_more(control_plane: ControlPlane, namespace: str) -> None:
    control_plane.kubectl("create", "role", "reader", "--verb=get,list", "--resource=secrets", "-n", namespace)
    control_plane.kubectl("create", "rolebinding", "reader", "--role=reader", "--group=auditors", "-n", namespace)
    auditor = control_plane.user_kubeconfig("jane", groups=["auditors"])

    control_plane.kubectl("get", "secrets", "-n", namespace, kubeconfig=auditor)
    with pytest.raises(KubectlError, match='User "jane" cannot list resource "configmaps"'):
        control_plane.kubectl("get", "configmaps", "-n", namespace, kubeconfig=auditor)


def test_a_service_account_logs_in_by_token(control_plane: ControlPlane, namespace: str) -> None:
    control_plane.kubectl("create", "serviceaccount", "operator", "-n", namespace)
    operator = control_plane.service_account_kubeconfig(namespace, "operator")

    who = json.loads(control_plane.kubectl("auth", "whoami", "-o", "json", kubeconfig=operator))
    assert who["status"]["userInfo"]["username"] == f"system:serviceaccount:{namespace}:operator"
    with pytest.raises(KubectlError, match="Forbidden"):
        control_plane.kubectl("get", "secrets", "-n", namespace, kubeconfig=operator)


def test_objects_outlive_a_killed_api_server(control_plane: ControlPlane, namespace: str) -> None:
    control_plane.kubectl("create", "configmap", "kept", "--from-literal=answer=42", "-n", namespace)
    control_plane.kill_api_server()
    with pytest.raises(KubectlError):
        control_plane.get("configmap", "kept", "-n", namespace)
    control_plane.start_api_server()
    assert control_plane.get("configmap", "kept", "-n", namespace)["data"] == {"answer": "42"}
