"""Users over HTTP: life cycle, representations, versions, lists."""

import json

import httpx
import pytest

from scim_server.app import Server
from tests.scim_server.http.test_errors import assert_scim_error
from tests.support.serving import ENTERPRISE, Connection, client_of, effective_of

ADA = {
    "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", ENTERPRISE],
    "userName": "ada@acme.com",
    "externalId": "00u1",
    "name": {"givenName": "Ada", "familyName": "Lovelace"},
    "emails": [{"value": "ada@acme.com", "type": "work", "primary": True}],
    "password": "correct horse battery staple",
    ENTERPRISE: {"department": "Engines", "manager": {"value": "m-1"}},
}


async def create(provider: httpx.AsyncClient, user_name: str, **attributes: object) -> dict[str, object]:
    answer = await provider.post("/Users", json={"userName": user_name, **attributes})
    assert answer.status_code == 201, answer.text
    body: dict[str, object] = answer.json()
    return body


async def test_created_user_is_shown_whole(provider: httpx.AsyncClient) -> None:
    answer = await provider.post("/Users", json=ADA)
    assert answer.status_code == 201
    user = answer.json()
    location = f"{provider.base_url}".rstrip("/") + f"/Users/{user['id']}"
    assert answer.headers["location"] == user["meta"]["location"] == location
    assert answer.headers["etag"] == user["meta"]["version"]
    assert user["meta"]["resourceType"] == "User"
    assert user["meta"]["created"] == user["meta"]["lastModified"]
    assert user["active"] is True
    assert user["schemas"] == ADA["schemas"]
    assert "password" not in user
    for attribute in ("userName", "externalId", "name", "emails", ENTERPRISE):
        assert user[attribute] == ADA[attribute]
    assert (await provider.get(f"/Users/{user['id']}")).json() == user


async def test_the_id_is_never_the_clients(provider: httpx.AsyncClient) -> None:
    user = await create(provider, "a@acme.com", id="chosen", externalId="chosen")
    assert user["id"] != "chosen"
    assert (await provider.get("/Users/chosen")).status_code == 404


async def test_an_existing_user_name_is_a_conflict_that_names_its_user(provider: httpx.AsyncClient) -> None:
    user = await create(provider, "ada@acme.com")
    again = await provider.post("/Users", json={"userName": "ADA@acme.com"})
    assert str(user["id"]) in assert_scim_error(again, 409, "uniqueness")
    other = await create(provider, "other@acme.com")
    renamed = await provider.put(f"/Users/{other['id']}", json={"userName": "Ada@Acme.com"})
    assert str(user["id"]) in assert_scim_error(renamed, 409, "uniqueness")


@pytest.mark.parametrize(
    "body", [{}, {"userName": ""}, {"userName": "  "}, {"userName": None}, {"userName": {"of": "ada"}}]
)
async def test_user_name_is_required(provider: httpx.AsyncClient, body: dict[str, object]) -> None:
    assert "userName" in assert_scim_error(await provider.post("/Users", json=body), 400, "invalidValue")


async def test_delete_then_not_found_then_the_name_is_free(provider: httpx.AsyncClient) -> None:
    user = await create(provider, "ada@acme.com")
    first = await provider.delete(f"/Users/{user['id']}")
    assert (first.status_code, first.content) == (204, b"")
    assert_scim_error(await provider.delete(f"/Users/{user['id']}"), 404)
    assert_scim_error(await provider.get(f"/Users/{user['id']}"), 404)
    again = await create(provider, "ada@acme.com")
    assert again["id"] != user["id"]


async def test_put_replaces_what_it_names_and_clears_the_rest(provider: httpx.AsyncClient) -> None:
    user = (await provider.post("/Users", json=ADA)).json()
    body = {**user, "userName": "ada@acme.com", "title": "Countess", "emails": None}
    del body["name"]
    answer = await provider.put(f"/Users/{user['id']}", json=body)
    assert answer.status_code == 200
    replaced = answer.json()
    assert replaced["title"] == "Countess"
    assert "name" not in replaced
    assert "emails" not in replaced
    assert replaced["id"] == user["id"]
    assert replaced["meta"]["version"] != user["meta"]["version"]
    assert replaced["meta"]["created"] == user["meta"]["created"]


async def test_put_without_active_leaves_a_blocked_user_blocked(provider: httpx.AsyncClient) -> None:
    user = await create(provider, "ada@acme.com", active=False)
    answer = await provider.put(f"/Users/{user['id']}", json={"userName": "ada@acme.com", "title": "x"})
    assert answer.json()["active"] is False


@pytest.mark.parametrize(
    "operation", [{"op": "remove", "path": "active"}, {"op": "replace", "value": {"active": None, "title": "x"}}]
)
async def test_a_patch_that_removes_active_leaves_a_blocked_user_blocked(
    provider: httpx.AsyncClient, application: httpx.AsyncClient, operation: dict[str, object]
) -> None:
    user = await create(provider, "ada@acme.com", active=False)
    answer = await provider.patch(f"/Users/{user['id']}", json={"Operations": [operation]})
    assert "active" not in answer.json()
    assert (await effective_of(application, "ada@acme.com"))["state"] == "blocked"
    assert (await provider.get("/Users", params={"filter": "active eq false"})).json()["totalResults"] == 1
    replaced = await provider.put(f"/Users/{user['id']}", json={"userName": "ada@acme.com"})
    assert replaced.json()["active"] is False


async def test_a_repeated_request_leaves_version_and_time(provider: httpx.AsyncClient) -> None:
    user = (await provider.post("/Users", json=ADA)).json()
    put = await provider.put(f"/Users/{user['id']}", json=user)
    assert put.json() == user
    patch = {"Operations": [{"op": "replace", "path": "name.givenName", "value": "Ada"}]}
    assert (await provider.patch(f"/Users/{user['id']}", json=patch)).json() == user
    changed = {"Operations": [{"op": "replace", "path": "name.givenName", "value": "Augusta"}]}
    answer = (await provider.patch(f"/Users/{user['id']}", json=changed)).json()
    assert answer["name"] == {"givenName": "Augusta", "familyName": "Lovelace"}
    assert answer["meta"]["version"] != user["meta"]["version"]
    assert answer["meta"]["lastModified"] > user["meta"]["lastModified"]
    assert (await provider.patch(f"/Users/{user['id']}", json=changed)).json() == answer


async def test_a_patch_with_one_bad_operation_changes_nothing(provider: httpx.AsyncClient) -> None:
    user = (await provider.post("/Users", json=ADA)).json()
    patch = {
        "Operations": [
            {"op": "replace", "path": "title", "value": "Countess"},
            {"op": "replace", "path": "shoeSize", "value": 44},
        ]
    }
    detail = assert_scim_error(await provider.patch(f"/Users/{user['id']}", json=patch), 400, "invalidPath")
    assert "shoeSize" in detail
    assert (await provider.get(f"/Users/{user['id']}")).json() == user


async def test_versions_as_preconditions(provider: httpx.AsyncClient) -> None:
    user = (await provider.post("/Users", json=ADA)).json()
    path, version = f"/Users/{user['id']}", user["meta"]["version"]
    patch = {"Operations": [{"op": "replace", "path": "title", "value": "Countess"}]}
    not_modified = await provider.get(path, headers={"If-None-Match": version})
    assert (not_modified.status_code, not_modified.content) == (304, b"")
    stale = {"If-Match": 'W/"999"'}
    assert_scim_error(await provider.patch(path, json=patch, headers=stale), 412)
    assert_scim_error(await provider.put(path, json=user, headers=stale), 412)
    assert_scim_error(await provider.delete(path, headers=stale), 412)
    assert (await provider.patch(path, json=patch, headers={"If-Match": version})).status_code == 200
    assert (await provider.get(path, headers={"If-None-Match": version})).status_code == 200
    assert_scim_error(await provider.patch(path, json=patch, headers={"If-Match": version}), 412)
    assert (await provider.delete(path, headers={"If-Match": "*"})).status_code == 204


async def test_not_modified_hides_no_change_of_groups(provider: httpx.AsyncClient) -> None:
    user = await create(provider, "ada@acme.com")
    path, alone = f"/Users/{user['id']}", user["meta"]["version"]  # type: ignore[index]
    group = (await provider.post("/Groups", json={"displayName": "Staff", "members": [{"value": user["id"]}]})).json()
    joined = await provider.get(path, headers={"If-None-Match": alone})
    assert (joined.status_code, [shown["display"] for shown in joined.json()["groups"]]) == (200, ["Staff"])
    tag = joined.headers["etag"]
    assert tag == joined.json()["meta"]["version"] != alone
    assert (await provider.get(path, headers={"If-None-Match": tag})).status_code == 304
    without = await provider.get(f"{path}?excludedAttributes=groups", headers={"If-None-Match": alone})
    assert without.status_code == 304
    rename = {"Operations": [{"op": "replace", "path": "displayName", "value": "Crew"}]}
    await provider.patch(f"/Groups/{group['id']}", json=rename)
    renamed = await provider.get(path, headers={"If-None-Match": tag})
    assert [shown["display"] for shown in renamed.json()["groups"]] == ["Crew"]
    await provider.delete(f"/Groups/{group['id']}")
    left = await provider.get(path, headers={"If-None-Match": renamed.headers["etag"]})
    assert (left.status_code, left.headers["etag"]) == (200, alone)


async def test_a_change_asks_for_the_users_own_version_alone(provider: httpx.AsyncClient) -> None:
    user = await create(provider, "ada@acme.com")
    path, alone = f"/Users/{user['id']}", user["meta"]["version"]  # type: ignore[index]
    await provider.post("/Groups", json={"displayName": "Staff", "members": [{"value": user["id"]}]})
    joined = (await provider.get(path)).headers["etag"]
    found = await provider.get("/Users", params={"filter": f"meta.version eq {json.dumps(joined)}"})
    assert found.json()["totalResults"] == 1
    for tag, title in ((alone, "Countess"), (joined, "Baroness")):
        patch = {"Operations": [{"op": "replace", "path": "title", "value": title}]}
        answer = await provider.patch(path, json=patch, headers={"If-Match": tag})
        assert answer.status_code == (200 if tag == alone else 412)


async def test_attributes_and_excluded_attributes(provider: httpx.AsyncClient) -> None:
    user = (await provider.post("/Users", json=ADA)).json()
    path = f"/Users/{user['id']}"
    shown = (await provider.get(path, params={"attributes": "USERNAME,name.familyName"})).json()
    assert shown == {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "id": user["id"],
        "userName": "ada@acme.com",
        "name": {"familyName": "Lovelace"},
    }
    without = (await provider.get(path, params={"excludedAttributes": f"emails,{ENTERPRISE}:manager,meta"})).json()
    assert "emails" not in without
    assert "meta" not in without
    assert without[ENTERPRISE] == {"department": "Engines"}
    created = await provider.post("/Users", params={"attributes": "userName"}, json={"userName": "b@acme.com"})
    assert set(created.json()) == {"schemas", "id", "userName"}


async def test_head_has_no_body(provider: httpx.AsyncClient) -> None:
    user = await create(provider, "ada@acme.com")
    answer = await provider.head(f"/Users/{user['id']}")
    assert (answer.status_code, answer.content) == (200, b"")


async def test_pages_in_a_stable_order(provider: httpx.AsyncClient) -> None:
    created = [str((await create(provider, f"user{index}@acme.com"))["id"]) for index in range(7)]
    seen: list[str] = []
    for start in (1, 4, 7):
        page = (await provider.get("/Users", params={"startIndex": start, "count": 3})).json()
        assert page["totalResults"] == 7
        assert page["startIndex"] == start
        assert page["itemsPerPage"] == len(page["Resources"])
        seen += [user["id"] for user in page["Resources"]]
    assert seen == created
    counted = (await provider.get("/Users", params={"count": 0})).json()
    assert (counted["totalResults"], counted["Resources"]) == (7, [])
    beyond = (await provider.get("/Users", params={"startIndex": 100})).json()
    assert (beyond["totalResults"], beyond["Resources"]) == (7, [])


async def test_sorting(provider: httpx.AsyncClient) -> None:
    for name in ("b@acme.com", "C@acme.com", "a@acme.com"):
        await create(provider, name)
    found = await provider.get("/Users", params={"sortBy": "userName", "sortOrder": "descending"})
    assert [user["userName"] for user in found.json()["Resources"]] == ["C@acme.com", "b@acme.com", "a@acme.com"]


@pytest.mark.parametrize("name", ["password", "shoeSize", "name", "groups", "schemas", "meta.version"])
async def test_what_cannot_be_sorted_by(provider: httpx.AsyncClient, name: str) -> None:
    refused = await provider.get("/Users", params={"sortBy": name})
    assert (refused.status_code, refused.json()["scimType"]) == (400, "invalidPath")
    assert name in refused.json()["detail"]


@pytest.mark.parametrize(
    "query",
    [
        'filter=userName eq "ADA@acme.com"',
        "filter=userName+eq+%22ada@acme.com%22&",
        "filter=userName%20eq%20%22ada@acme.com%22&startIndex=1&count=100",
        "aadOptscim062020&filter=userName eq ada@acme.com",
        'Filter=externalId eq "00u1"',
        'filter=emails.value eq "ada@acme.com"',
        'filter=emails[type eq "work"].value eq "ada@acme.com"',
        f'filter={ENTERPRISE}:department eq "engines" and active eq true',
        'filter=active eq "True" and not (userName sw "b")',
    ],
)
async def test_filters_as_providers_write_them(provider: httpx.AsyncClient, query: str) -> None:
    await create(provider, "b@acme.com")
    await provider.post("/Users", json=ADA)
    found = (await provider.get(f"/Users?{query}")).json()
    assert [user["userName"] for user in found["Resources"]] == ["ada@acme.com"]
    nobody = (await provider.get("/Users", params={"filter": 'userName eq "none@acme.com"'})).json()
    assert (nobody["totalResults"], nobody["Resources"]) == (0, [])


@pytest.mark.parametrize("credential", ["provision", "read"])
async def test_search_by_post(
    server: Server, connection: Connection, provider: httpx.AsyncClient, credential: str
) -> None:
    await create(provider, "b@acme.com")
    ada = (await provider.post("/Users", json=ADA)).json()
    body = {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],
        "filter": 'name.givenName sw "a"',
        "attributes": ["userName"],
        "startIndex": 1,
        "count": 10,
    }
    async with client_of(server.url, connection, credential) as client:
        found = (await client.post("/Users/.search", json=body)).json()
        assert found["Resources"] == [{"schemas": ada["schemas"][:1], "id": ada["id"], "userName": "ada@acme.com"}]
        nobody = (await client.post("/Groups/.search", json={"filter": 'displayName eq "x"'})).json()
        assert nobody["totalResults"] == 0
        wrongs: list[dict[str, object]] = [{"count": "many"}, {"count": []}, {"filter": 5}, {"attributes": [5]}]
        for wrong in wrongs:
            assert_scim_error(await client.post("/Users/.search", json=wrong), 400, "invalidValue")


async def test_a_query_string_may_end_with_nothing(provider: httpx.AsyncClient) -> None:
    user = await create(provider, "ada@acme.com")
    answer = await provider.put(f"/Users/{user['id']}?", json={"userName": "ada@acme.com", "title": "x"})
    assert answer.json()["title"] == "x"
    assert (await provider.get(f"/Users/{user['id']}/")).status_code == 200


@pytest.mark.parametrize(
    ("headers", "expected"),
    [({"Host": "scim.example.com"}, "http://scim.example.com"), ({"X-Forwarded-Host": "evil.example.com"}, None)],
)
async def test_locations_follow_the_request_but_not_strangers_proxy_headers(
    server: Server, connection: Connection, headers: dict[str, str], expected: str | None
) -> None:
    async with client_of(server.url, connection) as provider:
        answer = await provider.post("/Users", json={"userName": "a@acme.com"}, headers=headers)
    location = answer.headers["location"]
    assert location.startswith((expected or server.url) + connection.path + "/Users/")
