"""A user who is in more groups than are shown."""

import httpx

from scim_server.app import Server
from scim_server.scim.patch import MembersDelta
from scim_server.scim.schema import JsonObject
from scim_server.storage.protocol import Writer
from tests.scim_server.http.test_groups import change, create_group
from tests.support.serving import Connection, roles_of

SHOWN = 10_000
MORE = 10
AT_ONCE = 1_000


async def test_the_first_groups_are_shown_and_roles_follow_from_all(
    server: Server, connection: Connection, provider: httpx.AsyncClient, application: httpx.AsyncClient
) -> None:
    inner = str((await create_group(provider, "0"))["id"])

    for start in range(1, SHOWN + MORE, AT_ONCE):

        async def fill(writer: Writer, start: int = start) -> None:
            for number in range(start, min(start + AT_ONCE, SHOWN + MORE)):
                named: JsonObject = {"displayName": f"{number:05}"}
                outer = await writer.insert_group(named, ())
                await writer.change_members(outer.id, MembersDelta(add=frozenset({inner})))

        await server.storage.write(connection.key, fill, exclusive=True)
    user = (await provider.post("/Users", json={"userName": "ada"})).json()["id"]
    members: dict[str, object] = {"op": "add", "path": "members", "value": [{"value": user}]}
    await change(provider, inner, members)
    # By name it is the last one, beyond those that are shown.
    await create_group(provider, "zz")
    last = await create_group(provider, "App Admins zz", inner)
    await change(provider, last["id"], {"op": "replace", "path": "displayName", "value": "App Admins"})

    shown = (await provider.get(f"/Users/{user}")).json()
    names = [group["display"] for group in shown["groups"]]
    assert len(names) == SHOWN
    assert names == sorted(names)
    assert names[:2] == ["0", "00001"]
    assert "App Admins" not in names
    assert await roles_of(application, "ada") == ["admin", "viewer"]
    listed = (await provider.get("/Users", params={"filter": 'groups.display eq "App Admins"'})).json()
    assert [each["userName"] for each in listed["Resources"]] == ["ada"]
