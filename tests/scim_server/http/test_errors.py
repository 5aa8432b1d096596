"""Whatever goes wrong, the answer is a SCIM error body."""

import httpx
import pytest

from scim_server.app import Server, ServerSettings
from tests.support.serving import ERROR, Connection, bundle_of, client_of

pytestmark = pytest.mark.databases("sqlite")  # nothing here depends on what is stored


def assert_scim_error(answer: httpx.Response, status: int, scim_type: str | None = None) -> str:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"].partition(";")[0] == "application/scim+json"
    body = answer.json()
    assert body["schemas"] == [ERROR]
    assert body["status"] == str(status)
    assert body.get("scimType") == scim_type
    assert set(body) <= {"schemas", "status", "scimType", "detail"}
    detail: str = body["detail"]
    assert "Traceback" not in detail
    return detail


@pytest.mark.parametrize("path", ["/Nothing", "/Users/a/b", "/", "", "/users2", "/Schemas/urn:none"])
async def test_unknown_endpoints(provider: httpx.AsyncClient, path: str) -> None:
    assert_scim_error(await provider.get(path), 404)


async def test_paths_outside_of_scim(server: Server) -> None:
    async with client_of(server.url) as client:
        for path in ("/", "/docs", "/openapi.json", "/acme/okta/scim/v1/Users", "/metrics", "/v1/config"):
            assert_scim_error(await client.get(path), 404)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/Users", "GET, HEAD, POST"),
        ("POST", "/Users/x", "DELETE, GET, HEAD, PATCH, PUT"),
        ("DELETE", "/Groups", "GET, HEAD, POST"),
        ("POST", "/ServiceProviderConfig", "GET, HEAD"),
        ("GET", "/Users/.search", "POST"),
        ("DELETE", "/Groups/.search", "POST"),
        ("HEAD", "/Roles/.search", "POST"),
        ("DELETE", "/Schemas", "GET, HEAD"),
        ("PATCH", "/ResourceTypes/User", "GET, HEAD"),
        ("OPTIONS", "/Users", "GET, HEAD, POST"),
        ("GET", "/Bulk", "POST"),
    ],
)
async def test_methods_that_an_endpoint_does_not_take(
    provider: httpx.AsyncClient, method: str, path: str, allowed: str
) -> None:
    answer = await provider.request(method, path)
    if method != "HEAD":
        assert method in assert_scim_error(answer, 405)
    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)


async def test_no_credential_stands_for_a_user(provider: httpx.AsyncClient) -> None:
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        assert_scim_error(await provider.request(method, "/Me"), 501)


@pytest.mark.parametrize(
    "content_type", ["application/scim+json; charset=utf-8", "application/json", "Application/SCIM+JSON", None]
)
async def test_content_types_that_providers_send(provider: httpx.AsyncClient, content_type: str | None) -> None:
    headers = {"Content-Type": content_type} if content_type else {}
    answer = await provider.post("/Users", content=b'{"userName": "a@acme.com"}', headers=headers)
    assert answer.status_code == 201, answer.text


async def test_a_byte_order_mark_is_no_part_of_the_body(provider: httpx.AsyncClient) -> None:
    headers = {"Content-Type": "application/json"}
    answer = await provider.post("/Users", content=b'\xef\xbb\xbf{"userName": "a@acme.com"}', headers=headers)
    assert answer.status_code == 201, answer.text


async def test_other_content_types(provider: httpx.AsyncClient) -> None:
    answer = await provider.post("/Users", content=b"<user/>", headers={"Content-Type": "application/xml"})
    assert "application/scim+json" in assert_scim_error(answer, 415)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"nonsense", b'{"userName": "\xff"}', b"[" * 100_000, b'{"a":' * 3000 + b"1" + b"}" * 3000]
)
async def test_bodies_that_are_not_json(provider: httpx.AsyncClient, body: bytes) -> None:
    headers = {"Content-Type": "application/scim+json"}
    assert_scim_error(await provider.post("/Users", content=body, headers=headers), 400, "invalidSyntax")


@pytest.mark.parametrize("body", [[], "text", 1, None])
async def test_bodies_that_are_not_objects(provider: httpx.AsyncClient, body: object) -> None:
    for method, path in (("POST", "/Users"), ("PUT", "/Users/x"), ("PATCH", "/Groups/x"), ("POST", "/Groups")):
        answer = await provider.request(method, path, json=body)
        assert_scim_error(answer, 400, "invalidSyntax")


async def test_details_say_what_is_wrong_in_plain_words(provider: httpx.AsyncClient) -> None:
    encoded = await provider.post("/Users", content=b'{"userName": "\xff"}')
    assert "isn't UTF-8" in assert_scim_error(encoded, 400, "invalidSyntax")
    missing = await provider.get("/Schemas/nope")
    assert assert_scim_error(missing, 404) == "there is no schema with id nope"
    of_any_type = assert_scim_error(await provider.post("/.search", json={"filter": "x pr"}), 400, "invalidFilter")
    assert "User has" in of_any_type
    assert "Group has" in of_any_type
    sorted_by = await provider.get("/Users", params={"sortBy": "name"})
    assert "name is complex" in assert_scim_error(sorted_by, 400, "invalidPath")
    operations: list[dict[str, object]] = [
        {"method": "foo", "path": "/Users"},
        {"method": "DELETE", "path": "/Users/bulkId:x"},
    ]
    operations += [
        {"method": "POST", "path": "/Groups", "data": {"displayName": "g", "members": [{"value": "bulkId:x"}]}}
    ]
    results = (await provider.post("/Bulk", json={"Operations": operations})).json()["Operations"]
    assert [(result["method"], result["status"]) for result in results] == [
        ("foo", "400"), ("DELETE", "400"), ("POST", "400")
    ]  # fmt: skip
    assert results[1]["response"]["detail"] == "Operations[1].path: bulkId 'x': no operation creates it"
    assert results[2]["response"]["detail"] == "bulkId 'x': no operation creates it"


async def test_deeply_nested_bodies(provider: httpx.AsyncClient) -> None:
    nested: object = "x"
    for _ in range(200):
        nested = {"name": nested}
    answer = await provider.post("/Users", json={"userName": "a@acme.com", "name": nested})
    assert answer.status_code in (201, 400)
    patch = {"Operations": [{"op": "replace", "path": "name", "value": nested}]}
    assert (await provider.patch("/Users/x", json=patch)).status_code in (400, 404)


@pytest.mark.parametrize("chunked", [False, True])
async def test_bodies_that_are_too_large(database_url: str, connection: Connection, chunked: bool) -> None:
    settings = ServerSettings(database=database_url, port=0, management_port=None, body_limit=10_000)

    async def chunks() -> object:
        for _ in range(11):
            yield b" " * 1000

    async with Server(settings) as server:
        await server.intake.offer(bundle_of(connection), "test")
        async with client_of(server.url, connection) as client:
            content = chunks() if chunked else b" " * 10_001
            headers = {"Content-Type": "application/scim+json"}
            answer = await client.post("/Users", content=content, headers=headers)  # type: ignore[arg-type]
            assert "10000 bytes" in assert_scim_error(answer, 413)
            assert (await client.post("/Users", json={"userName": "a@acme.com"})).status_code == 201


@pytest.mark.parametrize(
    ("query", "scim_type"),
    [
        ('filter=shoeSize eq "44"', "invalidFilter"),
        ("filter=userName lik x", "invalidFilter"),
        ("filter=userName eq", "invalidFilter"),
        ("startIndex=one", "invalidValue"),
        ("count=many", "invalidValue"),
        ("sortBy=shoeSize", "invalidPath"),
        ("sortBy=userName&sortOrder=sideways", "invalidValue"),
        ("filter=%ff", "invalidValue"),
    ],
)
async def test_parameters_that_are_not_understood(provider: httpx.AsyncClient, query: str, scim_type: str) -> None:
    assert_scim_error(await provider.get(f"/Users?{query}"), 400, scim_type)


async def test_a_filter_on_discovery_is_forbidden(provider: httpx.AsyncClient) -> None:
    assert_scim_error(await provider.get("/Schemas", params={"filter": 'id eq "x"'}), 403)


async def test_the_request_id_comes_back(provider: httpx.AsyncClient) -> None:
    given = await provider.get("/Users", headers={"X-Request-ID": "from-the-provider.1"})
    assert given.headers["x-request-id"] == "from-the-provider.1"
    made = [(await provider.get("/Users")).headers["x-request-id"] for _ in range(2)]
    assert made[0] != made[1]
    unfit = await provider.get("/Users", headers={"X-Request-ID": 'a"b{c}'})
    assert unfit.headers["x-request-id"] != 'a"b{c}'
