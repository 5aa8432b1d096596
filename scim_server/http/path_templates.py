"""Paths as templates, for the log: the ids and names in them stay out of it."""

from collections.abc import Sequence

from starlette.routing import BaseRoute, Route

_ENDPOINT = "/{namespace}/{name}/scim/v2"


class PathTemplates:
    """`routes`: those within a tenant's endpoint."""

    def __init__(self, routes: Sequence[BaseRoute]) -> None:
        self._routes = routes

    def of(self, path: str | None) -> str:
        """`path` is that within a tenant's endpoint, `/Users/2819c223` say; None for any other."""
        if path is None:
            return "other"
        if not path:
            return _ENDPOINT
        for route in self._routes:
            if isinstance(route, Route) and route.path_regex.match(path):
                return _ENDPOINT + route.path_format
        return f"{_ENDPOINT}/…"
