"""Whether anything of a tenant changed: what triggers count of it, read as one text."""

from scim_server.storage.records import Counted, Stamp


def stamp_sql(tenant: str) -> str:
    """An expression on both databases; `tenant` is a placeholder. `read_stamp` reads its value."""
    counted = (
        f"coalesce(sum(CASE WHEN kind = '{kind}' THEN {column} END), 0)"
        for kind in ("users", "groups")
        for column in ("added", "removed")
    )
    revision = f"coalesce((SELECT revision FROM tenants WHERE tenant = {tenant}), 0)"
    unsettled = f"CASE WHEN EXISTS (SELECT 1 FROM unsettled WHERE tenant = {tenant}) THEN 1 ELSE 0 END"
    fields = " || ' ' || ".join((*counted, "coalesce(sum(changed), 0)", revision, unsettled))
    return f"(SELECT {fields} FROM totals WHERE tenant = {tenant})"


def read_stamp(text: str) -> Stamp:
    users_added, users_removed, groups_added, groups_removed, changed, revision, unsettled = map(int, text.split(" "))
    return Stamp(
        users=Counted(users_added, users_removed),
        groups=Counted(groups_added, groups_removed),
        changed=changed,
        revision=revision,
        settled=not unsettled,
    )
