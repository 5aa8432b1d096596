"""Revisions of all tenants together."""

from collections.abc import Mapping, Sequence

from scim_server.provisioning.policy import is_current
from scim_server.storage.session import Session, Transaction
from scim_server.storage.statement import Statement

_ALL = Statement("SELECT tenant, revision FROM tenants")

# Locked in order, so that replicas that do this at once don't deadlock.
_LOCK = Statement("""
    SELECT tenant, revision, fingerprint, uid, departed FROM tenants
    WHERE tenant IN (SELECT asked.value FROM {texts:$1 asked})
    ORDER BY tenant
    {lock}
""")

_RAISE = Statement("""
    UPDATE tenants SET revision = $2 WHERE tenant IN (SELECT asked.value FROM {texts:$1 asked})
""")


async def of_all(session: Session) -> Mapping[str, int]:
    """By tenant, departed ones included."""
    return {row["tenant"]: row["revision"] for row in await session.fetch(_ALL)}


async def raise_all(
    tx: Transaction, fingerprints: Mapping[str, str], revision: int, uids: Mapping[str, str]
) -> Sequence[str]:
    """See `Storage.raise_revisions`."""
    raised, others = [], {*fingerprints}
    for row in await tx.fetch(_LOCK, sorted(fingerprints)):
        tenant, same = row["tenant"], row["fingerprint"] == fingerprints[row["tenant"]]
        if row["revision"] > revision or (row["revision"] == revision and is_current(row["fingerprint"])):
            others.remove(tenant)
        elif same and row["departed"] is None and uids.get(tenant) in (None, row["uid"]):
            raised.append(tenant)
            others.remove(tenant)
    if raised:
        await tx.execute(_RAISE, raised, revision)
    return sorted(others)
