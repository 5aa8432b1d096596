"""JumpCloud: a test user and a test group on activation; the same addition again is no error."""

from kubectl_scim.probe.session import Probe
from kubectl_scim.probe.steps import GROUP, USER, create, delete, is_gone, look_up, patch, put, read


def play(probe: Probe) -> None:
    name = f"{probe.tag}@example.com"
    look_up(probe, "activation: look up the test user", "/Users", f'userName eq "{name}"', [])
    body = {
        "schemas": [USER],
        "userName": name,
        "displayName": "SCIM probe",
        "name": {"familyName": "Probe", "givenName": "SCIM"},
        "emails": [{"primary": True, "type": "work", "value": name}],
        "active": True,
    }
    user = create(probe, "activation: create the test user", "/Users", "userName", body)
    read(probe, "activation: read the test user", user.path)
    put(probe, "activation: set the test user inactive", user.path, {**body, "active": False}, {("active",): False})
    group = create(
        probe,
        "activation: create the test group",
        "/Groups",
        "displayName",
        {"schemas": [GROUP], "displayName": probe.tag},
    )
    add = {"op": "add", "path": "members", "value": [{"value": user.id}]}
    remove = {"op": "remove", "path": f'members[value eq "{user.id}"]'}
    patch(probe, "add a member", group.path, [add], members={user.id})
    patch(probe, "add the same again", group.path, [add], members={user.id})
    patch(probe, "remove the member", group.path, [remove], members=set())
    patch(probe, "remove who isn't there", group.path, [remove], members=set())
    delete(probe, "activation: delete the test group", group.path)
    delete(probe, "activation: delete the test user", user.path)
    is_gone(probe, "read the deleted user", user.path)
