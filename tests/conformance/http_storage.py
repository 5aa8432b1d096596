"""A tenant of a running server as a storage of the PyPI package scim2-server."""

from typing import Any, cast

import httpx
from scim2_models import (
    Context,
    Error,
    InvalidFilterException,
    InvalidPathException,
    NotFoundException,
    PreconditionFailedException,
    Resource,
    ResourceType,
    ResponseParameters,
    Schema,
    SCIMException,
    ScimProvider,
    SearchRequest,
    ServiceProviderConfig,
    UniquenessException,
)
from scim2_server.storage import ScimStorage, SearchPage

_MEDIA_TYPE = "application/scim+json"
_EVERYTHING = 1_000_000
_ERRORS: dict[tuple[int, str | None], type[SCIMException]] = {
    (404, None): NotFoundException,
    (409, "uniqueness"): UniquenessException,
    (412, None): PreconditionFailedException,
    (400, "invalidFilter"): InvalidFilterException,
    (400, "invalidPath"): InvalidPathException,
}


def discover(client: httpx.Client) -> ScimProvider:
    """What the server says of itself: which resource types, which schemas, which features."""

    def resources(path: str) -> list[dict[str, Any]]:
        return cast("list[dict[str, Any]]", client.get(path).raise_for_status().json()["Resources"])

    return ScimProvider.from_discovery(
        [Schema.model_validate(schema) for schema in resources("/Schemas")],
        [ResourceType.model_validate(resource_type) for resource_type in resources("/ResourceTypes")],
        config=ServiceProviderConfig.model_validate(client.get("/ServiceProviderConfig").raise_for_status().json()),
    )


class HttpStorage(ScimStorage):
    """Each method is one request to the tenant that `client` has as its base URL."""

    def __init__(self, client: httpx.Client, provider: ScimProvider) -> None:
        self._client = client
        self._provider = provider
        pagination = provider.config.pagination if provider.config else None
        self.supports_cursors = bool(pagination and pagination.cursor)

    def get(
        self,
        resource_type: ResourceType,
        resource_id: str,
        *,
        response_parameters: ResponseParameters[Any] | None = None,
    ) -> Resource[Any]:
        query = {} if response_parameters is None else response_parameters.model_dump(exclude_none=True)
        answer = self._ask("GET", f"{resource_type.endpoint}/{resource_id}", params=_joined(query))
        return self._resource(resource_type, answer, Context.RESOURCE_QUERY_RESPONSE)

    def search(
        self, resource_types: list[ResourceType], search_request: SearchRequest[Any], *, position: Any = None
    ) -> SearchPage:
        body = search_request.model_dump(scim_ctx=Context.SEARCH_REQUEST)
        body.setdefault("count", _EVERYTHING)
        if position is not None:
            body["cursor"] = position
        endpoint = resource_types[0].endpoint if len(resource_types) == 1 else ""
        answer = self._ask("POST", f"{endpoint}/.search", json=body)
        found = [
            self._resource(_type_of(resource, resource_types), resource, Context.SEARCH_RESPONSE)
            for resource in answer.get("Resources", [])
        ]
        return SearchPage(answer.get("totalResults"), found, answer.get("nextCursor"), answer.get("previousCursor"))

    def create(self, resource_type: ResourceType, resource: Resource[Any]) -> Resource[Any]:
        body = resource.model_dump(scim_ctx=Context.RESOURCE_CREATION_REQUEST)
        answer = self._ask("POST", str(resource_type.endpoint), json=body)
        return self._resource(resource_type, answer, Context.RESOURCE_CREATION_RESPONSE)

    def update(
        self, resource_type: ResourceType, resource: Resource[Any], *, expected_version: str | None = None
    ) -> Resource[Any]:
        answer = self._ask(
            "PUT",
            f"{resource_type.endpoint}/{resource.id}",
            json=resource.model_dump(scim_ctx=Context.RESOURCE_REPLACEMENT_REQUEST),
            headers=_if_match(expected_version),
        )
        return self._resource(resource_type, answer, Context.RESOURCE_REPLACEMENT_RESPONSE)

    def delete(self, resource_type: ResourceType, resource_id: str, *, expected_version: str | None = None) -> None:
        self._ask("DELETE", f"{resource_type.endpoint}/{resource_id}", headers=_if_match(expected_version))

    def _ask(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        if "json" in request:
            request["headers"] = {"Content-Type": _MEDIA_TYPE, **request.get("headers", {})}
        response = self._client.request(method, path, **request)
        if response.is_success:
            return cast("dict[str, Any]", response.json()) if response.content else {}
        error = Error.model_validate(response.json())
        known = _ERRORS.get((response.status_code, error.scim_type))
        assert known is not None, f"{method} {path}: {response.status_code} {response.text}"
        raise known(detail=error.detail)

    def _resource(self, resource_type: ResourceType, answer: dict[str, Any], context: Context) -> Resource[Any]:
        """As the server sent it, but for `meta.location`, which is no business of a storage."""
        model = cast("type[Resource[Any]]", self._provider.model_for(resource_type))
        resource = model.model_validate(answer, scim_ctx=context)
        if resource.meta is not None:
            resource.meta.location = None
        return resource


def _type_of(answer: dict[str, Any], asked: list[ResourceType]) -> ResourceType:
    if len(asked) == 1:
        return asked[0]
    return next(one for one in asked if one.name == answer["meta"]["resourceType"])


def _joined(query: dict[str, Any]) -> dict[str, str]:
    return {name: ",".join(map(str, value)) for name, value in query.items()}


def _if_match(version: str | None) -> dict[str, str]:
    return {} if version is None else {"If-Match": version}
