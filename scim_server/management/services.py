"""What the routes of the management port work with, as FastAPI dependencies."""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Request
from fastapi.security import HTTPBearer
from starlette.exceptions import HTTPException

from scim_server.background.rules import RulesApplier
from scim_server.clock import Clock
from scim_server.config import ConfigHolder
from scim_server.directory.feed import Feed
from scim_server.management.intake import Intake
from scim_server.management.metrics_text import MetricsText
from scim_server.management.models import Problem
from scim_server.management.status import Status
from scim_server.management.token_file import ManagementTokens
from scim_server.storage.protocol import Storage


@dataclass(frozen=True, slots=True)
class Services:
    """Of one server."""

    holder: ConfigHolder
    intake: Intake
    applier: RulesApplier
    status: Status
    storage: Storage
    feed: Feed
    metrics_text: MetricsText
    tokens: ManagementTokens
    clock: Clock


def provide(app: FastAPI, services: Services) -> None:
    """For the routes of `app`, once."""
    app.state.services = services


async def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


FromServer = Annotated[Services, Depends(_services)]

_BEARER = HTTPBearer(auto_error=False, scheme_name="managementToken", description="The management token")


async def is_authenticated(request: Request) -> bool:
    """Whether the request has one header Authorization with the management token."""
    given = request.headers.getlist("authorization")
    return (await _services(request)).tokens.accept(given[0] if len(given) == 1 else None)


async def require_token(request: Request, _: Annotated[object, Depends(_BEARER)]) -> None:
    """A dependency of every route but probes and metrics. `_BEARER` puts it into the OpenAPI document."""
    if not await is_authenticated(request):
        raise not_authenticated()


NEEDS_TOKEN: dict[int | str, dict[str, Any]] = {
    401: {"model": Problem, "description": "The management token is missing or wrong"}
}
"""What the routes that depend on `require_token` answer as well."""

OF_A_TENANT: dict[int | str, dict[str, Any]] = NEEDS_TOKEN | {
    400: {"model": Problem, "description": "A parameter is wrong"},
    404: {"model": Problem, "description": "There is no such tenant"},
    503: {"model": Problem, "description": "The database doesn't answer"},
}
"""What the routes of a tenant answer as well."""


async def _tenant_key(
    namespace: str, name: str, server: FromServer, _: Annotated[None, Depends(require_token)]
) -> str:
    key = f"{namespace}/{name}"
    if await server.storage.read(key, lambda reader: reader.rules_version()) is None:
        raise HTTPException(404, f"there is no tenant {key[:128]}")
    return key


TenantKey = Annotated[str, Depends(_tenant_key)]
"""Of the tenant that `/v1/tenants/{namespace}/{name}/…` names."""


def not_authenticated() -> HTTPException:
    return HTTPException(401, "the management token is expected", {"WWW-Authenticate": "Bearer"})
