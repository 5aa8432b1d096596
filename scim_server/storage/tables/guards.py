"""Between what the provider sets and what follows: who is protected, and how many may be deactivated at once."""

from scim_server.provisioning.guards import DISCARDED, HoldKind, is_protected
from scim_server.provisioning.lifecycle import State
from scim_server.storage.effects import EffectHeld
from scim_server.storage.records import Document, UserRecord
from scim_server.storage.session import Transaction
from scim_server.storage.statement import Statement
from scim_server.storage.tables import deactivations, holds

_ACTIVE = Statement("""
    SELECT (SELECT CAST(coalesce(sum(added - removed), 0) AS bigint) FROM totals
            WHERE tenant = $1 AND kind = 'users')
         - (SELECT count(*) FROM users WHERE tenant = $1 AND NOT active AND state <> 'active')
         + (SELECT count(*) FROM held_users WHERE tenant = $1) AS active
""")


async def hold_of(tx: Transaction, record: UserRecord, document: Document | None = None) -> str | None:
    """The hold that keeps a locked user active whom the provider sets inactive (`document`) or deletes.

    None where it may happen; the deactivation is counted then.
    """
    if record.state is not State.ACTIVE:
        return None
    if record.hold is not None and record.hold != DISCARDED:
        return record.hold
    safety = (await tx.policy()).config.safety
    if any(is_protected(safety, record.id, each) for each in (record.document, document or record.document)):
        kind = HoldKind.PROTECTED
    elif await admits_one_more(tx):
        return None
    else:
        kind = HoldKind.DEACTIVATIONS
    hold = await holds.open_one(tx, kind)
    tx.effects.add(EffectHeld(hold, kind, record, deleted=document is None))
    return hold


async def admits_one_more(tx: Transaction) -> bool:
    """Whether one more user may be deactivated now, who is counted then."""
    limit = (await tx.policy()).config.safety.max_deactivations
    window = (await deactivations.lock(tx)).within(tx.now, limit)
    active = 0
    if window.begins_part(tx.now, limit):
        row = await tx.fetch_one(_ACTIVE, tx.tenant)
        assert row is not None  # noqa: S101 - of one row
        active = row["active"]
    grown = window.with_one_more(tx.now, active, limit)
    if grown is not None:
        await deactivations.store(tx, grown)
    return grown is not None
