"""The management port's OpenAPI document, and the answers that it describes."""

from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from scim_server.app import Server
from tests.support.serving import Connection, bundle_of, client_of


def check(document: dict[str, Any], answer: httpx.Response, path: str, method: str = "get") -> None:
    """The answer is one that the document has for the path."""
    described = document["paths"][path][method]["responses"][str(answer.status_code)]
    schema = described["content"]["application/json"]["schema"]
    Draft202012Validator(schema | {"components": document["components"]}).validate(answer.json())


async def test_the_document_is_served_to_all_and_is_valid(bare_server: Server) -> None:
    async with client_of(bare_server.management_url) as stranger:
        document = (await stranger.get("/openapi.json")).json()
    validate(document)
    open_to_all = {
        path for path, methods in document["paths"].items() for one in methods.values() if "security" not in one
    }
    assert open_to_all == {"/livez", "/readyz", "/metrics"}


async def test_answers_are_as_the_document_says(
    bare_server: Server, management: httpx.AsyncClient, connection: Connection
) -> None:
    document = (await management.get("/openapi.json")).json()
    for path in ("/v1/config", "/v1/status", "/livez", "/readyz"):
        check(document, await management.get(path), path)
    for body in (b"nonsense", bundle_of(connection, revision=2).encode(), bundle_of(connection, revision=1).encode()):
        check(document, await management.put("/v1/config", content=body), "/v1/config", "put")
    for path in ("/v1/config", "/v1/status", "/livez", "/readyz"):
        check(document, await management.get(path), path)
    async with client_of(bare_server.management_url) as stranger:
        check(document, await stranger.get("/v1/status"), "/v1/status")


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics"])
async def test_probes_may_ask_for_the_head_alone(server: Server, path: str) -> None:
    async with client_of(server.management_url) as kubelet:
        answer = await kubelet.head(path)
    assert (answer.status_code, answer.content) == (200, b"")
