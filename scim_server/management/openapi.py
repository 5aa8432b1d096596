"""The management port's OpenAPI document."""

from typing import Any

from fastapi import FastAPI

from scim_server.config import ConfigBundle


class ManagementApi(FastAPI):
    """Adds the schema of a pushed configuration, which a dependency reads instead of FastAPI."""

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            document = super().openapi()
            bundle = ConfigBundle.model_json_schema(ref_template="#/components/schemas/{model}")
            document["components"]["schemas"] |= bundle.pop("$defs") | {"ConfigBundle": bundle}
        assert self.openapi_schema is not None  # noqa: S101 - FastAPI keeps the document
        return self.openapi_schema
