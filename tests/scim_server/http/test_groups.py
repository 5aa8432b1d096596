"""Groups over HTTP: life cycle, membership as deltas, large groups."""

import json
import uuid

import httpx

from scim_server.app import Server
from scim_server.storage.protocol import Writer
from tests.scim_server.http.test_errors import assert_scim_error
from tests.scim_server.http.test_users import create
from tests.support.serving import Connection


async def create_group(provider: httpx.AsyncClient, name: str, *members: object, **more: object) -> dict[str, object]:
    body = {"displayName": name, "members": [{"value": member} for member in members], **more}
    answer = await provider.post("/Groups", json=body)
    assert answer.status_code == 201, answer.text
    group: dict[str, object] = answer.json()
    return group


async def members_of(provider: httpx.AsyncClient, group_id: object) -> set[str]:
    group = (await provider.get(f"/Groups/{group_id}")).json()
    return {member["value"] for member in group["members"]}


async def change(provider: httpx.AsyncClient, group_id: object, *operations: dict[str, object]) -> httpx.Response:
    return await provider.patch(f"/Groups/{group_id}", json={"Operations": list(operations)})


async def test_created_group_is_shown_whole(provider: httpx.AsyncClient) -> None:
    user = await create(provider, "ada@acme.com", displayName="Ada")
    answer = await provider.post(
        "/Groups", json={"displayName": "Staff", "externalId": "g1", "members": [{"value": user["id"]}]}
    )
    assert answer.status_code == 201
    group = answer.json()
    base = str(provider.base_url).rstrip("/")
    assert answer.headers["location"] == group["meta"]["location"] == f"{base}/Groups/{group['id']}"
    assert answer.headers["etag"] == group["meta"]["version"]
    assert group["schemas"] == ["urn:ietf:params:scim:schemas:core:2.0:Group"]
    assert (group["displayName"], group["externalId"]) == ("Staff", "g1")
    assert group["members"] == [{"value": user["id"], "$ref": f"{base}/Users/{user['id']}", "type": "User"}]
    assert (await provider.get(f"/Groups/{group['id']}")).json() == group
    shown = (await provider.get(f"/Users/{user['id']}")).json()["groups"]
    assert shown == [
        {"value": group["id"], "$ref": f"{base}/Groups/{group['id']}", "display": "Staff", "type": "direct"}
    ]


async def test_an_empty_group_has_an_empty_list(provider: httpx.AsyncClient) -> None:
    assert (await create_group(provider, "Empty"))["members"] == []


async def test_a_duplicate_name_is_a_conflict_that_names_its_group(provider: httpx.AsyncClient) -> None:
    group = await create_group(provider, "Staff")
    again = await provider.post("/Groups", json={"displayName": "STAFF"})
    assert str(group["id"]) in assert_scim_error(again, 409, "uniqueness")


async def test_members_that_do_not_exist_are_named(provider: httpx.AsyncClient) -> None:
    missing = str(uuid.uuid4())
    for answer in (
        await provider.post("/Groups", json={"displayName": "A", "members": [{"value": missing}]}),
        await provider.post("/Groups", json={"displayName": "A", "members": [{"value": "no-uuid"}]}),
    ):
        detail = assert_scim_error(answer, 400, "invalidValue")
        assert missing in detail or "no-uuid" in detail
    assert (await provider.get("/Groups")).json()["totalResults"] == 0
    group = await create_group(provider, "A")
    added = await change(provider, group["id"], {"op": "add", "path": "members", "value": [{"value": missing}]})
    assert missing in assert_scim_error(added, 400, "invalidValue")
    removed = await change(provider, group["id"], {"op": "remove", "path": f'members[value eq "{missing}"]'})
    assert removed.status_code == 204


async def test_membership_is_changed_by_deltas(provider: httpx.AsyncClient) -> None:
    a, b, c = [str((await create(provider, f"{name}@acme.com"))["id"]) for name in "abc"]
    group = await create_group(provider, "Staff", a)
    path = group["id"]
    answer = await change(
        provider,
        path,
        {"op": "remove", "path": f'members[value eq "{a}"]'},
        {"op": "add", "path": "members", "value": [{"value": b}, {"value": c}]},
    )
    assert (answer.status_code, answer.content) == (204, b"")
    assert await members_of(provider, path) == {b, c}
    await change(provider, path, {"op": "Remove", "path": "members", "value": [{"value": c}]})
    assert await members_of(provider, path) == {b}
    await change(provider, path, {"op": "replace", "path": "members", "value": [{"value": a}]})
    assert await members_of(provider, path) == {a}
    await change(provider, path, {"op": "replace", "path": "members", "value": []})
    assert await members_of(provider, path) == set()


async def test_a_patch_that_asks_for_attributes_is_answered_with_them(provider: httpx.AsyncClient) -> None:
    group = await create_group(provider, "Staff")
    rename = {"Operations": [{"op": "replace", "value": {"displayName": "Crew"}}]}
    answer = await provider.patch(f"/Groups/{group['id']}?attributes=displayName", json=rename)
    assert answer.status_code == 200
    assert (answer.json()["displayName"], set(answer.json())) == ("Crew", {"schemas", "id", "displayName"})


async def test_repeats_leave_the_version(provider: httpx.AsyncClient) -> None:
    user = await create(provider, "a@acme.com")
    group = await create_group(provider, "Staff", user["id"])
    path = f"/Groups/{group['id']}"
    for operations in (
        [{"op": "add", "path": "members", "value": [{"value": user["id"]}]}],
        [{"op": "remove", "path": f'members[value eq "{uuid.uuid4()}"]'}],
        [{"op": "replace", "value": {"id": group["id"], "displayName": "Staff"}}],
        [{"op": "replace", "path": "members", "value": [{"value": user["id"]}]}],
        [],
    ):
        assert (await provider.patch(path, json={"Operations": operations})).status_code == 204
        assert (await provider.get(path)).json() == group
    assert (await provider.put(path, json=group)).json() == group
    gone = await change(provider, group["id"], {"op": "remove", "path": "members"})
    assert gone.headers["etag"] != group["meta"]["version"]  # type: ignore[index]


async def test_put_replaces_members_only_when_it_names_them(provider: httpx.AsyncClient) -> None:
    a, b = [str((await create(provider, f"{name}@acme.com"))["id"]) for name in "ab"]
    group = await create_group(provider, "Staff", a)
    path = f"/Groups/{group['id']}"
    renamed = await provider.put(path, json={"displayName": "Crew"})
    assert (renamed.json()["displayName"], len(renamed.json()["members"])) == ("Crew", 1)
    replaced = await provider.put(path, json={"displayName": "Crew", "members": [{"value": b}]})
    assert [member["value"] for member in replaced.json()["members"]] == [b]
    emptied = await provider.put(path, json={"displayName": "Crew", "members": None})
    assert emptied.json()["members"] == []


async def test_versions_as_preconditions(provider: httpx.AsyncClient) -> None:
    group = await create_group(provider, "Staff")
    path, version = f"/Groups/{group['id']}", group["meta"]["version"]  # type: ignore[index]
    assert (await provider.get(path, headers={"If-None-Match": version})).status_code == 304
    rename = {"Operations": [{"op": "replace", "value": {"displayName": "Crew"}}]}
    assert_scim_error(await provider.patch(path, json=rename, headers={"If-Match": 'W/"999"'}), 412)
    assert (await provider.patch(path, json=rename, headers={"If-Match": version})).status_code == 204
    assert_scim_error(await provider.put(path, json=group, headers={"If-Match": version}), 412)
    assert_scim_error(await provider.delete(path, headers={"If-Match": version}), 412)


async def test_excluded_members_are_not_shown(provider: httpx.AsyncClient) -> None:
    user = await create(provider, "a@acme.com")
    group = await create_group(provider, "Staff", user["id"])
    for path in (f"/Groups/{group['id']}", "/Groups"):
        shown = (await provider.get(path, params={"excludedAttributes": "members"})).json()
        shown = shown["Resources"][0] if path == "/Groups" else shown
        assert "members" not in shown
        assert shown["displayName"] == "Staff"
    only = (await provider.get(f"/Groups/{group['id']}", params={"attributes": "members.value"})).json()
    assert only["members"] == [{"value": user["id"]}]


async def test_lists_show_members(provider: httpx.AsyncClient) -> None:
    user = await create(provider, "a@acme.com")
    await create_group(provider, "Empty")
    await create_group(provider, "Staff", user["id"])
    page = (await provider.get("/Groups", params={"count": 100, "startIndex": 1})).json()
    assert (page["totalResults"], page["itemsPerPage"]) == (2, 2)
    assert [len(group["members"]) for group in page["Resources"]] == [0, 1]


async def test_applications_see_the_names_of_members(
    provider: httpx.AsyncClient, application: httpx.AsyncClient
) -> None:
    user = await create(provider, "a@acme.com", displayName="Ada")
    group = await create_group(provider, "Staff", user["id"])
    (member,) = (await application.get(f"/Groups/{group['id']}")).json()["members"]
    assert (member["value"], member["type"], member["display"]) == (user["id"], "User", "Ada")


async def test_not_modified_hides_no_new_name_of_a_member(
    provider: httpx.AsyncClient, application: httpx.AsyncClient
) -> None:
    user = await create(provider, "a@acme.com", displayName="Ada")
    group = await create_group(provider, "Staff", user["id"])
    seen = {"If-None-Match": str(group["meta"]["version"])}  # type: ignore[index]
    assert (await application.get(f"/Groups/{group['id']}", headers=seen)).status_code == 200
    without = await application.get(f"/Groups/{group['id']}?excludedAttributes=members.display", headers=seen)
    assert without.status_code == 304


async def test_filters_on_groups(provider: httpx.AsyncClient) -> None:
    user = await create(provider, "a@acme.com")
    staff = await create_group(provider, "Staff", user["id"], externalId="g1")
    await create_group(provider, "Other")
    for text in (
        'displayName eq "staff"',
        'externalId eq "g1"',
        f'id eq "{staff["id"]}" and members eq "{user["id"]}"',
        f'members[value eq "{user["id"]}"]',
    ):
        found = (await provider.get("/Groups", params={"filter": text, "excludedAttributes": "members"})).json()
        assert [group["id"] for group in found["Resources"]] == [staff["id"]], text
    absent = f'id eq "{staff["id"]}" and members eq "{uuid.uuid4()}"'
    assert (await provider.get("/Groups", params={"filter": absent})).json()["totalResults"] == 0


async def test_deleted_users_leave_their_groups(provider: httpx.AsyncClient) -> None:
    user = await create(provider, "a@acme.com")
    group = await create_group(provider, "Staff", user["id"])
    await provider.delete(f"/Users/{user['id']}")
    assert await members_of(provider, group["id"]) == set()


async def test_deleted_groups_are_gone(provider: httpx.AsyncClient) -> None:
    user = await create(provider, "a@acme.com")
    group = await create_group(provider, "Staff", user["id"])
    assert (await provider.delete(f"/Groups/{group['id']}")).status_code == 204
    assert_scim_error(await provider.delete(f"/Groups/{group['id']}"), 404)
    assert_scim_error(await provider.get(f"/Groups/{group['id']}"), 404)
    assert "groups" not in (await provider.get(f"/Users/{user['id']}")).json()


async def test_nested_groups_are_shown_as_indirect(provider: httpx.AsyncClient) -> None:
    user = await create(provider, "a@acme.com")
    inner = await create_group(provider, "Inner", user["id"])
    outer = await create_group(provider, "Outer", inner["id"])
    assert [member["type"] for member in outer["members"]] == ["Group"]  # type: ignore[attr-defined]
    named = await provider.get(f"/Groups/{outer['id']}", params={"attributes": "members.display"})
    assert named.json()["members"] == [{"display": "Inner"}]
    groups = (await provider.get(f"/Users/{user['id']}")).json()["groups"]
    assert {(group["display"], group["type"]) for group in groups} == {("Inner", "direct"), ("Outer", "indirect")}


async def test_a_large_group_is_sent_whole_with_its_length(
    server: Server, connection: Connection, provider: httpx.AsyncClient
) -> None:
    async def add_users(writer: Writer) -> set[str]:
        users = [{"userName": f"user{index}@acme.com", "active": True} for index in range(2500)]
        return {(await writer.insert_user(user, True)).id for user in users}

    ids = await server.storage.write(connection.key, add_users)  # one by one over HTTP they take minutes
    group = await create_group(provider, "Everybody", *ids)
    async with provider.stream("GET", f"/Groups/{group['id']}") as answer:
        whole = await answer.aread()
        assert answer.headers["content-length"] == str(len(whole))
        body = json.loads(whole)
    assert {member["value"] for member in body["members"]} == ids
    assert len(body["members"]) == len(ids)
    listed = (await provider.get("/Groups")).json()
    assert listed["Resources"] == [body]
