"""The deactivations of a tenant that took effect lately: one row, which deactivations lock, and whoever opens or ends
a hold.

Whoever locks it has locked users before, and waits for nothing afterwards but rows of holds. So two replicas never
let more through than the limit, and no other writer waits for it.
"""

from scim_server.provisioning.guards import Window
from scim_server.storage.session import Transaction
from scim_server.storage.statement import Statement

# What others have written is seen, since the statement waits for them.
_LOCK = Statement("""
    INSERT INTO guards (tenant, deactivations) VALUES ($1, '[]')
    ON CONFLICT (tenant) DO UPDATE SET deactivations = guards.deactivations
    RETURNING deactivations
""")

_STORE = Statement("UPDATE guards SET deactivations = $2 WHERE tenant = $1")


async def lock(tx: Transaction) -> Window:
    row = await tx.fetch_one(_LOCK, tx.tenant)
    assert row is not None  # noqa: S101 - of one row
    return Window.from_json(row["deactivations"])


async def store(tx: Transaction, window: Window) -> None:
    await tx.execute(_STORE, tx.tenant, window.to_json())
