"""Keycloak's plug-ins: strings for booleans, all members at once, a group emptied by null."""

from kubectl_scim.probe.session import Probe
from kubectl_scim.probe.steps import GROUP, USER, create, delete, patch, put


def play(probe: Probe) -> None:
    body = {
        "schemas": [USER],
        "userName": probe.tag,
        "displayName": "SCIM probe",
        "active": "true",
        "externalId": probe.tag,
        "emails": [{"value": f"{probe.tag}@example.com"}],
        "roles": [],
        "meta": {"resourceType": "User", "location": None},
    }
    user = create(probe, "create a user (a string for active)", "/Users", "userName", body)
    renamed = {**body, "displayName": "Renamed probe"}
    put(probe, "change the user", user.path, renamed, {("displayName",): "Renamed probe"})
    members = [{"value": user.id, "$ref": f"Users/{user.id}"}]
    body_of_group = {"schemas": [GROUP], "displayName": probe.tag, "externalId": probe.tag, "members": members}
    group = create(probe, "create a group with a member", "/Groups", "displayName", body_of_group)
    replace = {"op": "replace", "path": "members", "value": members}
    patch(probe, "all members at once", group.path, [replace], members={user.id})
    remove = {"op": "remove", "path": "members", "value": None}
    patch(probe, "an empty group: remove with null", group.path, [remove], members=set())
    put(probe, "block the user", user.path, {**body, "active": "false"}, {("active",): False})
    delete(probe, "delete the group", group.path)
    delete(probe, "delete the user", user.path)
