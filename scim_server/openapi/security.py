"""How clients authenticate, as security schemes."""

from collections.abc import Mapping

from scim_server.openapi.api import Api, Authentication
from scim_server.scim.schema import JsonObject


def security_schemes(api: Api) -> dict[str, JsonObject]:
    """Those of the tenant's credentials, and that of a client at the token endpoint."""
    known: Mapping[Authentication, JsonObject] = {
        "bearer": {
            "type": "http",
            "scheme": "bearer",
            "description": "A token of the tenant, of an issuer that it trusts, or of its token endpoint",
        },
        "basic": {"type": "http", "scheme": "basic", "description": "A user name and password of the tenant"},
        "oauth2": {
            "type": "oauth2",
            "description": "Tokens of the tenant's token endpoint",
            "flows": {
                "clientCredentials": {
                    "tokenUrl": f"{api.tenant_url}/oauth/token",
                    "scopes": {
                        "scim.provision": "Access Provision",
                        "scim.read": "Access Read",
                        "scim.self": "Access Self",
                    },
                }
            },
        },
    }
    client: JsonObject = {"type": "http", "scheme": "basic", "description": "An OAuth client's id and secret"}
    return {name: known[name] for name in api.authentication} | {"client": client}


def security_requirements(api: Api) -> list[JsonObject]:
    """One of them is enough."""
    return [{name: []} for name in api.authentication]
