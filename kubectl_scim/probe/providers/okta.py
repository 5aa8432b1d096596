"""Okta: test of the connection, users by PUT and PATCH without a path, group push."""

from typing import Any

from kubectl_scim.probe.session import Probe
from kubectl_scim.probe.steps import (
    GROUP,
    USER,
    create,
    delete,
    listed,
    look_up,
    patch,
    put,
    read,
    refuses_duplicate,
)


def play(probe: Probe) -> None:
    base = probe.client.base
    with probe.step("base URL") as step:
        if probe.client.is_unencrypted:
            step.warn("Okta asks for https: with http the token can be read on the way")
        if "_" in f"{base.netloc}{base.path}":
            step.complain("the base URL has an underscore, which Okta refuses")
    listed(probe, "test connection: users", "/Users?startIndex=1&count=2", most=2)
    listed(probe, "test connection: groups", "/Groups?count=100&startIndex=1", most=100)

    name = f"{probe.tag}@example.com"
    page = "/Users?startIndex=1&count=100"
    look_up(probe, "look up a user who isn't there", page, f'userName eq "{name}"', [])
    body = {
        "schemas": [USER],
        "userName": name,
        "name": {"givenName": "SCIM", "familyName": "Probe"},
        "emails": [{"primary": True, "value": name, "type": "work"}],
        "displayName": "SCIM probe",
        "locale": "en-US",
        "externalId": probe.tag,
        "groups": [],
        "password": f"Aa1-{probe.tag}",
        "active": True,
    }
    user = create(probe, "create a user", "/Users", "userName", body)
    look_up(probe, "look the user up", page, f'userName eq "{name}"', [user.id])
    look_up(
        probe,
        "look the user up in capitals",
        page,
        f'userName eq "{name.upper()}"',
        [user.id],
        optional="Okta compares user names without case, and would create this one again",
    )
    refuses_duplicate(probe, "create the same user again", "/Users", "userName", body)
    document = read(probe, "read the user", user.path)
    renamed = {**document, "name": {"givenName": "Renamed", "familyName": "Probe"}, "groups": []}
    put(probe, "change the profile (PUT of what was read)", user.path, renamed, {("name", "givenName"): "Renamed"})
    put(probe, "deactivate (custom app, PUT)", user.path, {**renamed, "active": False}, {("active",): False})
    for active, what in ((True, "activate"), (False, "deactivate")):
        patch(
            probe,
            f"{what} (catalogue app, PATCH without a path)",
            user.path,
            [{"op": "replace", "value": {"active": active}}],
            expect={("active",): active},
            prefers=200,
            why="Okta documents 200 with the user",
        )

    other = create(
        probe,
        "create another user",
        "/Users",
        "userName",
        {"schemas": [USER], "userName": f"{probe.tag}-2@example.com"},
    )
    groups = "/Groups?startIndex=1&count=100"
    look_up(probe, "group push: look up the group", groups, f'displayName eq "{probe.tag}"', [])
    body = {"schemas": [GROUP], "displayName": probe.tag, "members": []}
    group = create(probe, "group push: create the group", "/Groups", "displayName", body)
    name_again = {"op": "replace", "value": {"id": group.id, "displayName": probe.tag}}
    add = {"op": "add", "path": "members", "value": [{"value": user.id}]}
    add_other = {"op": "add", "path": "members", "value": [{"value": other.id}]}
    remove = {"op": "remove", "path": f'members[value eq "{user.id}"]'}
    everybody = {"op": "replace", "path": "members", "value": [{"value": user.id}, {"value": other.id}]}
    nobody = {"op": "replace", "path": "members", "value": []}
    patch(probe, "group push: add a member, with the name", group.path, [name_again, add], members={user.id})
    both: list[dict[str, Any]] = [name_again, remove, add_other]
    patch(probe, "group push: remove and add in one PATCH", group.path, both, members={other.id})
    patch(probe, "group push: push now", group.path, [everybody], members={user.id, other.id})
    patch(probe, "group push: push now, an empty group", group.path, [nobody], members=set())
    delete(probe, "group push: unlink and delete", group.path)
