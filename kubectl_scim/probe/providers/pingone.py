"""PingOne: users by PUT, an address twice and both primary, names of groups that aren't ASCII."""

from kubectl_scim.probe.session import Probe
from kubectl_scim.probe.steps import GROUP, USER, create, delete, listed, look_up, patch, put


def play(probe: Probe) -> None:
    name = f"{probe.tag}@example.com"
    listed(probe, "test connection", "/Users?startIndex=1&count=1", most=1)
    look_up(probe, "look up a user who isn't there", "/Users", f'userName eq "{name}"', [])
    look_up(
        probe,
        "look up by e-mail",
        "/Users",
        f'emails.value eq "{name}"',
        [],
        optional="PingOne sends it only where the connection's user filter says so",
    )
    body = {
        "schemas": [USER],
        "userName": name,
        "name": {"givenName": "SCIM", "familyName": "Probe"},
        "emails": [
            {"value": name, "primary": True, "type": "work"},
            {"value": name, "primary": True, "type": "work"},
        ],
        "active": True,
    }
    user = create(probe, "create a user (one address twice)", "/Users", "userName", body)
    look_up(probe, "look the user up", "/Users", f'userName eq "{name}"', [user.id])
    renamed = {**body, "name": {"givenName": "SCIM", "familyName": "Renamed"}}
    put(probe, "change the name", user.path, renamed, {("name", "familyName"): "Renamed"})

    title = f"{probe.tag} Équipe"
    look_up(probe, "look up a group that isn't ASCII", "/Groups", f'displayName eq "{title}"', [])
    group = create(probe, "create the group", "/Groups", "displayName", {"schemas": [GROUP], "displayName": title})
    look_up(probe, "look the group up", "/Groups", f'displayName eq "{title}"', [group.id])
    add = {"op": "add", "path": "members", "value": [{"value": user.id}]}
    remove = {"op": "remove", "path": f'members[value eq "{user.id}"]'}
    patch(probe, "add a member", group.path, [add], members={user.id})
    patch(probe, "remove the member", group.path, [remove], members=set())
    put(probe, "disable", user.path, {**body, "active": False}, {("active",): False})
    delete(probe, "delete the group", group.path)
    delete(probe, "delete the user", user.path)
