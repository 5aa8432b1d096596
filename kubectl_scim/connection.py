"""Where a ProvisioningConfig is served and how one logs in there, as the user's own kubectl may learn it."""

import base64
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from kubectl_scim.kubectl import Kubectl, KubectlFailed

_SERVERS = "app.kubernetes.io/component=server"
"""Not by app.kubernetes.io/name, which `nameOverride` of the chart changes."""
_PUBLIC_PORT = "scim"
"""Its name in the chart; appProtocol says whether it speaks TLS."""


class NoConnection(Exception):
    """The message says what lacks."""


@dataclass(frozen=True, slots=True)
class Connection:
    base_url: str
    provider: str
    """As in spec.provider."""

    authorization: str = field(repr=False)
    verify: bool = True


@contextmanager
def connection_of(
    kubectl: Kubectl, namespace: str, name: str, *, service: str, forwarded: bool
) -> Iterator[Connection]:
    """By its public URL, or through a port that is forwarded where it has none, or where that is asked for.

    Raises `NoConnection` and `KubectlFailed`.
    """
    config = kubectl.get("provisioningconfig", name, "-n", namespace)
    provider = config["spec"].get("provider", "Generic")
    authorization = _authorization(kubectl, namespace, config["spec"]["authentication"])
    endpoint = config.get("status", {}).get("endpoint", "")
    if endpoint.startswith("http") and not forwarded:
        yield Connection(endpoint, provider, authorization)
        return
    place, _, service_name = (service or _found_service(kubectl)).partition("/")
    port = _public_port(kubectl.get("service", service_name, "-n", place))
    with kubectl.port_forward(place, service_name, port["port"]) as local:
        scheme = "https" if port.get("appProtocol") == "https" else "http"
        base_url = f"{scheme}://127.0.0.1:{local}/{namespace}/{name}/scim/v2"
        yield Connection(base_url, provider, authorization, verify=False)


def basic(user_name: str, password: str) -> str:
    return f"Basic {base64.b64encode(f'{user_name}:{password}'.encode()).decode()}"


def _authorization(kubectl: Kubectl, namespace: str, authentication: Mapping[str, Any]) -> str:
    """Of the first credential that provisions and that a Secret holds."""
    for kind, make in (("bearerTokens", _bearer), ("basic", _basic)):
        for credential in authentication.get(kind, ()):
            if credential.get("access", "Provision") == "Provision":
                reference = credential["secretRef"]
                data = kubectl.get("secret", reference["name"], "-n", namespace).get("data", {})
                return make(
                    {key: base64.b64decode(value).decode().rstrip("\r\n") for key, value in data.items()}, reference
                )
    raise NoConnection("no bearer token or password that may provision is in a Secret: give the URL and a token")


def _bearer(data: Mapping[str, str], reference: Mapping[str, str]) -> str:
    return f"Bearer {_value(data, reference, reference.get('key', 'token'))}"


def _basic(data: Mapping[str, str], reference: Mapping[str, str]) -> str:
    user_name = _value(data, reference, reference.get("usernameKey", "username"))
    return basic(user_name, _value(data, reference, reference.get("passwordKey", "password")))


def _value(data: Mapping[str, str], reference: Mapping[str, str], key: str) -> str:
    if key not in data:
        raise NoConnection(f"Secret {reference['name']} has no key {key}")
    return data[key]


def _found_service(kubectl: Kubectl) -> str:
    try:
        services = kubectl.get("services", "--all-namespaces", "-l", _SERVERS)["items"]
    except KubectlFailed:  # whoever works in one namespace may not look into the others
        services = []
    public = [
        f"{service['metadata']['namespace']}/{service['metadata']['name']}"
        for service in services
        if service["spec"].get("clusterIP") != "None" and _named_ports(service)
    ]
    if len(public) != 1:
        found = ", ".join(public) or "none"
        raise NoConnection(f"which Service has the servers? Say so with --service NAMESPACE/NAME (found: {found})")
    return public[0]


def _named_ports(service: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [port for port in service["spec"].get("ports", ()) if port.get("name") == _PUBLIC_PORT]


def _public_port(service: Mapping[str, Any]) -> dict[str, Any]:
    ports = _named_ports(service)
    if not ports:
        raise NoConnection(f"Service {service['metadata']['name']} has no port named {_PUBLIC_PORT}")
    return ports[0]
