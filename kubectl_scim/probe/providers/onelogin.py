"""OneLogin: bodies from a template with old URNs, strings and nulls; `&` and `?` at the ends of addresses."""

from kubectl_scim.probe.session import Probe
from kubectl_scim.probe.steps import create, delete, listed, look_up, patch, put

_OLD = "urn:scim:schemas:core:1.0"


def play(probe: Probe) -> None:
    name = f"{probe.tag}@example.com"
    with probe.step("look up a user who isn't there") as step:
        filter_ = probe.encoded(f'userName eq "{name}"')
        step.document(step.request("GET", f"/Users?filter={filter_}&"))
    body = {
        "schemas": [_OLD],
        "id": None,
        "userName": name,
        "externalId": probe.tag,
        "active": "true",
        "title": None,
        "name": {"familyName": "Probe", "givenName": "SCIM", "middleName": None, "formatted": None},
        "emails": [{"value": name, "type": "work", "primary": "true"}],
        "phoneNumbers": [{"value": None, "type": "work"}],
    }
    user = create(probe, "create a user", "/Users?", "userName", body)
    look_up(probe, "look the user up", "/Users", f'userName eq "{name}"', [user.id])
    put(
        probe,
        "change the name",
        f"{user.path}?",
        {**body, "name": {"familyName": "Renamed", "givenName": "SCIM"}},
        {("name", "familyName"): "Renamed"},
    )
    put(probe, "suspend (a string for active)", f"{user.path}?", {**body, "active": "false"}, {("active",): False})
    listed(probe, "groups", "/Groups?")
    group = create(probe, "create a group", "/Groups?", "displayName", {"schemas": [_OLD], "displayName": probe.tag})
    add = {"op": "add", "path": "members", "value": [{"value": user.id}]}
    patch(probe, "add a member", f"{group.path}?", [add], members={user.id})
    remove = {"op": "remove", "path": f'members[value eq "{user.id}"]'}
    patch(probe, "remove the member", f"{group.path}?", [remove], members=set())
    delete(probe, "delete the user", f"{user.path}?")
