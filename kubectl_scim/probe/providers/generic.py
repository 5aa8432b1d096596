"""What the standard has every server do, in the plainest form."""

from kubectl_scim.probe.session import Probe
from kubectl_scim.probe.steps import (
    GROUP,
    USER,
    create,
    delete,
    discovery,
    is_gone,
    listed,
    look_up,
    patch,
    put,
    read,
    refuses_duplicate,
)

_LOST = "clients that look there first (authentik, CyberArk, SailPoint) fail or do with less"


def play(probe: Probe) -> None:
    for endpoint in ("/ServiceProviderConfig", "/ResourceTypes", "/Schemas"):
        discovery(probe, f"discovery: {endpoint}", endpoint, otherwise=_LOST)
    play_without_discovery(probe)


def play_without_discovery(probe: Probe) -> None:
    name = f"{probe.tag}@example.com"
    listed(probe, "a page of users", "/Users?startIndex=1&count=1", most=1)
    look_up(probe, "look up a user who isn't there", "/Users", f'userName eq "{name}"', [])
    body = {
        "schemas": [USER],
        "userName": name,
        "externalId": probe.tag,
        "name": {"givenName": "SCIM", "familyName": "Probe"},
        "displayName": "SCIM probe",
        "emails": [{"value": name, "type": "work", "primary": True}],
        "active": True,
    }
    user = create(probe, "create a user", "/Users", "userName", body)
    look_up(probe, "look the user up", "/Users", f'userName eq "{name}"', [user.id])
    refuses_duplicate(probe, "create the same user again", "/Users", "userName", body)
    read(probe, "read the user", user.path)
    put(
        probe,
        "change the user (PUT)",
        user.path,
        {**body, "displayName": "Renamed probe"},
        {("displayName",): "Renamed probe"},
    )
    disable = [{"op": "replace", "path": "active", "value": False}]
    patch(probe, "deactivate the user (PATCH)", user.path, disable, expect={("active",): False})

    look_up(probe, "look up a group that isn't there", "/Groups", f'displayName eq "{probe.tag}"', [])
    body_of_group = {"schemas": [GROUP], "displayName": probe.tag}
    group = create(probe, "create a group", "/Groups", "displayName", body_of_group)
    add = {"op": "add", "path": "members", "value": [{"value": user.id}]}
    remove = {"op": "remove", "path": f'members[value eq "{user.id}"]'}
    patch(probe, "add a member", group.path, [add], members={user.id})
    patch(probe, "remove the member", group.path, [remove], members=set())
    delete(probe, "delete the group", group.path)
    delete(probe, "delete the user", user.path)
    is_gone(probe, "read the deleted user", user.path)
