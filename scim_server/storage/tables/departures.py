"""Tenants whose ProvisioningConfig is gone: what becomes of their data, and what another one of that name finds.

Of a replica's clock and the database's the one counts by which data are erased later.
"""

from datetime import datetime, timedelta

from scim_server.provisioning.policy import NO_POLICY
from scim_server.storage.errors import NeedsExclusive
from scim_server.storage.session import Session, Transaction
from scim_server.storage.statement import Statement
from scim_server.storage.tables import credential_uses, events

TENANT_TABLES = {
    "deliveries": "webhook, position",
    "webhooks": "webhook",
    "events": "position",
    "sync_log": "time, id",
    "captures": "time, id",
    "pending_users": "user_id",
    "pending_profiles": "walk",
    "due": "kind, subject",
    "guards": "tenant",
    "holds": "id",
    "held_memberships": "user_id, group_id",
    "held_users": "id",
    "tombstones": "id",
    "user_roles": "user_id, role",
    "role_reasons": "user_id, role, source, mapping, rule, group_id",
    "verdicts": "user_id, condition",
    "held_grants": "group_id, source, mapping, rule, role, hold",
    "general_grants": "source, mapping, rule, role",
    "default_roles": "kind, role",
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
`tenant`. Not `tenants`, whose row stays without its rules, and not `totals`, which triggers keep."""

_LATE_WRITES = timedelta(hours=1)
"""How long after its departure a tenant is looked at again: a replica that doesn't know of it may still write."""

_DEPART = Statement("""
    UPDATE tenants
    SET departed = {late_now:$2}, erase_at = {late_now:$2} + {span:$3}, revision = $4, returned = NULL,
        former_users = NULL
    WHERE tenant = $1 AND departed IS NULL AND revision < $4
""")

_IS_TO_BE_ERASED = Statement("""
    SELECT 1 AS one FROM tenants WHERE tenant = $1 AND departed IS NOT NULL AND erase_at <= {early_now:$2}
""")

_TO_ERASE = Statement("SELECT tenant FROM tenants WHERE erase_at <= {early_now:$1} ORDER BY tenant")

_FORGET_RULES = Statement("""
    UPDATE tenants
    SET fingerprint = $2, rules = $3, base_roles = $4, fallback_roles = $4, uid = NULL, deactivation_delay = $5
    WHERE tenant = $1 AND fingerprint <> $2
""")

_ERASE = {
    table: Statement(f"""
        DELETE FROM {table} WHERE tenant = $1 AND ({key}) IN (SELECT {key} FROM {table} WHERE tenant = $1 LIMIT $2)
    """)
    for table, key in TENANT_TABLES.items()
}

_ERASED = Statement("UPDATE tenants SET erase_at = NULL WHERE tenant = $1 AND departed < {early_now:$2} - {span:$3}")

_RETURN = Statement("""
    UPDATE tenants
    SET departed = NULL, erase_at = NULL, returned = {late_now:$2}, former_users = (
        SELECT CAST(coalesce(sum(added - removed), 0) AS bigint) FROM totals WHERE tenant = $1 AND kind = 'users'
    )
    WHERE tenant = $1
""")


def has_returned(departed: datetime | int | None, uid_before: str | None, uid: str | None) -> bool:
    """Whether a stored tenant belongs to another ProvisioningConfig than the one of `uid`."""
    return departed is not None or (uid_before is not None and uid is not None and uid_before != uid)


async def to_erase(session: Session, now: datetime) -> list[str]:
    return [row["tenant"] for row in await session.fetch(_TO_ERASE, now)]


async def depart(tx: Transaction, keep: timedelta, revision: int) -> bool:
    if not tx.exclusive:
        raise NeedsExclusive
    return await tx.execute(_DEPART, tx.tenant, tx.now, keep, revision) == 1


async def erase_some(tx: Transaction, limit: int) -> bool:
    if not tx.exclusive:
        raise NeedsExclusive
    if await tx.fetch_one(_IS_TO_BE_ERASED, tx.tenant, tx.now) is None:
        return False
    await tx.execute(
        _FORGET_RULES,
        tx.tenant,
        NO_POLICY.fingerprint,
        NO_POLICY.to_json().decode(),
        [],
        NO_POLICY.deactivation_delay,
    )
    await events.note_all_forgotten(tx)
    left = limit
    for statement in _ERASE.values():
        left -= await tx.execute(statement, tx.tenant, left)
        if left <= 0:
            return True
    if left < limit:
        return True
    await tx.execute(_ERASED, tx.tenant, tx.now, _LATE_WRITES)
    return False


async def note_return(tx: Transaction) -> None:
    """Another ProvisioningConfig has this tenant's name; what was to be erased is gone before."""
    while await erase_some(tx, 5000):
        pass
    await credential_uses.remove_all(tx)
    await tx.execute(_RETURN, tx.tenant, tx.now)
