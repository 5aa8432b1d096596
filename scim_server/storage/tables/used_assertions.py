"""Assertions by which OAuth clients have authenticated: each counts once, whichever replica it is sent to."""

from datetime import datetime

from scim_server.storage.session import Transaction
from scim_server.storage.statement import Statement

# Replicas that forget at once don't wait for each other.
_FORGET = Statement("""
    DELETE FROM used_assertions
    WHERE tenant = $1 AND assertion {any:
        SELECT assertion FROM used_assertions WHERE tenant = $1 AND expires < $2 LIMIT 100 {lock_free}
    }
""")

_USE = Statement("""
    INSERT INTO used_assertions (tenant, assertion, expires) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING
""")


async def use(tx: Transaction, assertion: bytes, expires: datetime) -> bool:
    """Whether it wasn't used before. Expired ones are forgotten."""
    await tx.execute(_FORGET, tx.tenant, tx.now)
    return await tx.execute(_USE, tx.tenant, assertion, expires) == 1
