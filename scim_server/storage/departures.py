"""What is left of a tenant without a ProvisioningConfig, and how it is erased, on either database."""

from datetime import datetime, timedelta

TENANT_TABLES = {
    "unsettled": "user_id",
    "user_roles": "user_id, role",
    "grants": "group_id, mapping, rule, role",
    "memberships": "group_id, user_id",
    "nestings": "group_id, child_id",
    "user_emails": "value_key, user_id",
    "users": "id",
    "groups": "id",
    "used_assertions": "assertion",
    "credential_uses": "credential",
}
"""Every table with data of tenants, in the order in which they are erased: the rest of their primary key after
`tenant`. Not `tenants`, whose row stays without its rules, and not `totals`, whose sums must never begin again: they
tell whether an anchor in a list still holds."""

LATE_WRITES = timedelta(hours=1)
"""How long after its departure a tenant is looked at again: a replica that doesn't know of it may still write."""


def erasing(table: str) -> str:
    """Up to $2 rows of tenant $1."""
    key = TENANT_TABLES[table]
    some = f"SELECT {key} FROM {table} WHERE tenant = $1 LIMIT $2"
    return f"DELETE FROM {table} WHERE tenant = $1 AND ({key}) IN ({some})"


def has_returned(departed: datetime | int | None, uid_before: str | None, uid: str | None) -> bool:
    """Whether a stored tenant belongs to another ProvisioningConfig than the one of `uid`."""
    return departed is not None or (uid_before is not None and uid is not None and uid_before != uid)
