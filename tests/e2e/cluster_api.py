"""Quick reads from the API server: kubectl takes 100 ms for each, and tests ask often."""

import base64
import ssl
import tempfile
from pathlib import Path
from typing import Any

import httpx
import yaml

_PREFIXES = {
    "provisioningconfigs": "/apis/scim-operator.io/v1alpha1",
    "rolemappings": "/apis/scim-operator.io/v1alpha1",
    "attributemappings": "/apis/scim-operator.io/v1alpha1",
    "events": "/apis/events.k8s.io/v1",
    "configmaps": "/api/v1",
    "secrets": "/api/v1",
}


class ClusterReader:
    """One connection with the certificate of a kubeconfig."""

    def __init__(self, kubeconfig: Path) -> None:
        config = yaml.safe_load(kubeconfig.read_text())
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        context = ssl.create_default_context(cadata=_decoded(cluster["certificate-authority-data"]))
        with tempfile.NamedTemporaryFile("w", suffix=".pem") as pair:
            pair.write(_decoded(user["client-key-data"]) + _decoded(user["client-certificate-data"]))
            pair.flush()
            context.load_cert_chain(pair.name)
        self._client = httpx.Client(base_url=cluster["server"], verify=context, timeout=10)

    def close(self) -> None:
        self._client.close()

    def get(self, plural: str, namespace: str, name: str = "") -> dict[str, Any] | None:
        """An object, or a list without a name; None when there is none or nobody answers now."""
        try:
            answer = self._client.get(f"{_PREFIXES[plural]}/namespaces/{namespace}/{plural}/{name}".rstrip("/"))
        except httpx.TransportError:
            return None
        if answer.status_code == 404:
            return None
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found


def condition(found: dict[str, Any] | None, kind: str) -> dict[str, Any]:
    """One condition of an object's status; empty when it isn't there."""
    conditions = ((found or {}).get("status") or {}).get("conditions") or []
    return next((item for item in conditions if item["type"] == kind), {})


def _decoded(text: str) -> str:
    return base64.b64decode(text).decode()
