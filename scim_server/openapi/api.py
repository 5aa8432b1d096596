"""What a document describes: one tenant's endpoint, or any."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from scim_server.scim.resource_types import GROUP_TYPE, USER_TYPE
from scim_server.scim.schema import JsonObject, ResourceType

Authentication = Literal["bearer", "basic", "oauth2"]
EVERY_AUTHENTICATION: tuple[Authentication, ...] = ("bearer", "basic", "oauth2")

_VARIABLE = re.compile(r"\{(\w+)\}")
_VARIABLES = {
    "host": ("scim.example.com", "Host of the server's public URL"),
    "namespace": ("acme", "Namespace of the ProvisioningConfig"),
    "name": ("okta", "Name of the ProvisioningConfig"),
}


@dataclass(frozen=True, slots=True)
class Api:
    """`public_url` and `tenant` (`namespace/name`) may have `{host}`, `{namespace}` and `{name}` in them."""

    public_url: str
    tenant: str
    users: ResourceType
    groups: ResourceType
    authentication: Sequence[Authentication] = EVERY_AUTHENTICATION
    strict: bool = False
    """Whether bodies are refused for what isn't known of them."""
    of_any_tenant: bool = False
    """Whether answers may have what tenants declare."""

    @property
    def tenant_url(self) -> str:
        return f"{self.public_url}/{self.tenant}"


def any_tenant() -> Api:
    """An endpoint that may have any extension schemas and profile, at an address with variables."""
    return Api("https://{host}", "{namespace}/{name}", USER_TYPE, GROUP_TYPE, of_any_tenant=True)


def server(url: str) -> JsonObject:
    """A server object, with the variables that are in its URL."""
    names = _VARIABLE.findall(url)
    return {"url": url} | ({"variables": {name: _variable(name) for name in names}} if names else {})


def path_parameters(path: str) -> list[JsonObject]:
    """For the variables of an address that stand in a path."""
    found: Mapping[str, tuple[str, str]] = {name: _VARIABLES[name] for name in _VARIABLE.findall(path)}
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": description,
            "schema": {"type": "string", "examples": [example]},
        }
        for name, (example, description) in found.items()
    ]


def _variable(name: str) -> JsonObject:
    default, description = _VARIABLES[name]
    return {"default": default, "description": description}
