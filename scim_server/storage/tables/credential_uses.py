"""When each credential was used last, of all tenants together."""

from collections.abc import Mapping
from datetime import datetime

from scim_server.storage.records import CredentialUses
from scim_server.storage.session import Session, Transaction
from scim_server.storage.statement import Statement

_NOTE = Statement("""
    INSERT INTO credential_uses (tenant, credential, used) VALUES ($1, $2, $3)
    ON CONFLICT (tenant, credential) DO UPDATE SET used = excluded.used WHERE credential_uses.used < excluded.used
""")

_ALL = Statement("SELECT tenant, credential, used FROM credential_uses")

_REMOVE_ALL = Statement("DELETE FROM credential_uses WHERE tenant = $1")


async def note(tx: Transaction, uses: Mapping[tuple[str, str], datetime]) -> None:
    """In order, so that replicas that do this at once don't deadlock."""
    await tx.batch(_NOTE, [(*key, used) for key, used in sorted(uses.items())])


async def of_all(session: Session) -> CredentialUses:
    rows = await session.fetch(_ALL)
    return {(row["tenant"], row["credential"]): session.time(row["used"]) for row in rows}


async def remove_all(tx: Transaction) -> None:
    await tx.execute(_REMOVE_ALL, tx.tenant)
