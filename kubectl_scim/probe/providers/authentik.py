"""authentik: what the server can do first; an operation for each member; every group is read back and compared."""

from kubectl_scim.probe.session import Probe
from kubectl_scim.probe.steps import GROUP, USER, create, delete, discovery, is_gone, patch, put

_SPC = "/ServiceProviderConfig"


def play(probe: Probe) -> None:
    without = "authentik falls back to its defaults and sends whole groups with every change"
    config = discovery(probe, "what the server can do", _SPC, otherwise=without)
    supported = config.get("patch")
    by_patch = isinstance(supported, dict) and supported.get("supported") is True
    if config and not by_patch:
        with probe.step("PATCH is announced") as step:
            step.warn(f"patch.supported isn't true in {_SPC}: authentik sends whole groups with every change")

    body = {
        "schemas": [USER],
        "userName": f"{probe.tag}@example.com",
        "name": {"formatted": "SCIM Probe", "givenName": "SCIM", "familyName": "Probe"},
        "displayName": "SCIM probe",
        "photos": [],
        "active": True,
        "emails": [{"value": f"{probe.tag}@example.com", "type": "other", "primary": True}],
        "externalId": probe.tag,
    }
    user = create(probe, "create a user", "/Users", "userName", body)
    second = {**body, "userName": f"{probe.tag}-2@example.com", "externalId": f"{probe.tag}-2"}
    other = create(probe, "create another user", "/Users", "userName", second)
    renamed = {**body, "id": user.id, "displayName": "Renamed probe"}
    put(probe, "change the user", user.path, renamed, {("displayName",): "Renamed probe"})

    body = {"schemas": [GROUP], "displayName": probe.tag, "externalId": probe.tag}
    group = create(probe, "create a group", "/Groups", "displayName", body)
    if by_patch:
        add, remove = (
            [{"op": op, "path": "members", "value": [{"value": one.id}]} for one in (user, other)]
            for op in ("add", "remove")
        )
        patch(probe, "an operation for each member", group.path, add, members={user.id, other.id})
        patch(probe, "an operation for each who leaves", group.path, remove[:1], members={other.id})
        value = {"schemas": [GROUP], "displayName": f"{probe.tag} renamed", "externalId": probe.tag, "id": group.id}
        rename = [{"op": "replace", "value": value}]
        patch(
            probe,
            "rename (PATCH without a path)",
            group.path,
            rename,
            expect={("displayName",): f"{probe.tag} renamed"},
            members={other.id},
        )
    whole = {**body, "id": group.id, "members": [{"value": user.id}]}
    put(probe, "the whole group", group.path, whole, {("displayName",): probe.tag})
    delete(probe, "delete the group", group.path)
    delete(probe, "a user who leaves the scope", user.path)
    is_gone(probe, "read the deleted user", user.path)
