"""A user who is in more groups than are shown."""

import httpx

from scim_server.app import Server
from scim_server.storage.protocol import Writer
from tests.scim_server.http.test_groups import change, create_group
from tests.scim_server.storage.raw_sql import execute
from tests.support.serving import Connection, roles_of

SHOWN = 10_000
MORE = 10
NEST_FIRST = """
INSERT INTO nestings (tenant, group_id, child_id)
SELECT outer_one.tenant, outer_one.id, inner_one.id
FROM groups outer_one JOIN groups inner_one ON inner_one.tenant = outer_one.tenant
WHERE inner_one.display_name_key = '0' AND outer_one.display_name_key <> '0'
"""


async def test_the_first_groups_are_shown_and_roles_follow_from_all(
    database_url: str,
    server: Server,
    connection: Connection,
    provider: httpx.AsyncClient,
    application: httpx.AsyncClient,
) -> None:
    inner = str((await create_group(provider, "0"))["id"])

    async def fill(writer: Writer) -> None:
        for number in range(1, SHOWN + MORE):
            await writer.insert_group({"displayName": f"{number:05}"}, ())

    await server.storage.write(connection.key, fill, exclusive=True)
    await execute(database_url, NEST_FIRST)  # one by one it takes minutes
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
