"""How a hold ends: what it held happens, or it doesn't."""

from collections.abc import Sequence

from scim_server.config import Decision
from scim_server.provisioning.cause import CauseKind
from scim_server.provisioning.guards import DISCARDED, HoldKind, is_protected
from scim_server.provisioning.lifecycle import State, state_after
from scim_server.provisioning.policy import Policy
from scim_server.storage.effects import ActiveChanged, StateChanged
from scim_server.storage.records import Due, DueKind, Hold, UserRecord
from scim_server.storage.session import Transaction
from scim_server.storage.statement import Statement
from scim_server.storage.tables import due, guards, held_users, holds, role_holds, roles, tenants, users, verdicts

_INACTIVE = Statement(f"""
    SELECT {users.COLUMNS} FROM users WHERE tenant = $1 AND hold = $2 ORDER BY id LIMIT $3 {{lock_free}}
""")

_ALL_INACTIVE = Statement(f"""
    SELECT {users.COLUMNS} FROM users WHERE tenant = $1 AND hold = $2 ORDER BY id LIMIT $3 {{lock}}
""")

_OBSERVE = Statement(f"UPDATE users SET hold = '{users.OBSERVED}' WHERE tenant = $1 AND hold = $2")

_OBSERVE_DELETED = Statement(f"UPDATE held_users SET hold = '{users.OBSERVED}' WHERE tenant = $1 AND hold = $2")

_APPLY = Statement("""
    UPDATE users SET state = $3, deactivate_at = $4, blocked_at = $5, hold = NULL WHERE tenant = $1 AND id = $2
""")

_SET_HOLD = Statement("UPDATE users SET hold = $3 WHERE tenant = $1 AND id = $2")


async def follow_policy(tx: Transaction, policy: Policy) -> None:
    """After a new policy: its decisions, and users who may not be protected any more."""
    decisions = [(each.hold, each.decision) for each in policy.config.safety.decisions]
    await holds.decide(tx, decisions, CauseKind.DECISION)
    for hold in await holds.of_all(tx):
        if hold.kind is HoldKind.PROTECTED:
            await due.put(tx, [(Due(DueKind.HOLD, hold.id), due.AT_ONCE)])


async def observe(tx: Transaction) -> None:
    """The policy only observes from now on: what was held comes, through the guards, when it enforces again."""
    for hold in await holds.of_all(tx):
        if hold.kind is not HoldKind.ROLES:
            await tx.execute(_OBSERVE, tx.tenant, hold.id)
            await tx.execute(_OBSERVE_DELETED, tx.tenant, hold.id)
            await holds.end(tx, hold)


async def find_due(tx: Transaction, hold_id: str) -> Hold | None:
    """A hold that is to be worked off, if it is decided, or expires: then the policy decides."""
    hold = await holds.read(tx, hold_id)
    if hold is None:
        await due.take(tx, Due(DueKind.HOLD, hold_id))
        return None
    if hold.kind is HoldKind.ROLES and hold.expires is None:
        await role_holds.measure(tx)
        return None
    if hold.kind is HoldKind.PROTECTED and hold.decision is None:
        await due.take(tx, Due(DueKind.HOLD, hold_id))
        await _release_unprotected(tx, hold)
        return None
    if hold.decision is None and await holds.has_expired(tx, hold_id):
        await holds.decide(tx, [(hold_id, (await tx.policy()).config.safety.on_hold_expiry)], CauseKind.HOLD)
        hold = await holds.read(tx, hold_id)
    return hold if hold is not None and hold.decision is not None else None


async def work_off_some(tx: Transaction, hold: Hold, limit: int) -> bool:
    """Of a decided hold. Whether to go on: users whom another transaction holds are left for later."""
    if hold.kind is HoldKind.ROLES:
        await (role_holds.release if hold.decision is Decision.APPLY else role_holds.discard)(tx, hold)
        return False
    inactive = await _some_inactive(tx, hold.id, limit)
    deleted = await held_users.some_of(tx, hold.id, limit)
    if hold.decision is Decision.APPLY:
        await _apply(tx, inactive)
        await _delete(tx, deleted)
    else:
        await tx.batch(_SET_HOLD, [(tx.tenant, record.id, DISCARDED) for record in inactive])
        back = [record.id for record in deleted if await held_users.bring_back(tx, record)]
        await verdicts.evaluate(tx, back)  # of conditions that are newer than the deletion
        await roles.recompute(tx, back, ActiveChanged())
    if inactive or deleted:
        return True
    await holds.end_if_empty(tx, hold.id)
    return False


async def _some_inactive(tx: Transaction, hold_id: str, limit: int, *, wait: bool = False) -> Sequence[UserRecord]:
    """`wait`: for those too whom another transaction holds."""
    rows = await tx.fetch(_ALL_INACTIVE if wait else _INACTIVE, tx.tenant, hold_id, limit)
    return [users.record_of(tx, row) for row in rows]


async def _apply(tx: Transaction, inactive: Sequence[UserRecord]) -> None:
    """But for those who are protected by now."""
    safety, delay = (await tx.policy()).config.safety, await tenants.deactivation_delay(tx)
    changed = []
    for record in inactive:
        if is_protected(safety, record.id, record.document):
            await tx.execute(_SET_HOLD, tx.tenant, record.id, await holds.open_one(tx, HoldKind.PROTECTED))
            continue
        state, deactivate_at = state_after(False, State.ACTIVE, None, tx.now, delay)
        changed.append((tx.tenant, record.id, state, deactivate_at, tx.now))
        tx.effects.add(StateChanged(record.id, State.ACTIVE, state, deactivate_at))
    await tx.batch(_APPLY, changed)
    await roles.recompute(tx, [str(row[1]) for row in changed], ActiveChanged())


async def _delete(tx: Transaction, deleted: Sequence[UserRecord]) -> None:
    safety = (await tx.policy()).config.safety
    for record in deleted:
        if is_protected(safety, record.id, record.document):
            await held_users.set_hold(tx, record.id, await holds.open_one(tx, HoldKind.PROTECTED))
        else:
            await held_users.delete(tx, record)


async def _release_unprotected(tx: Transaction, hold: Hold) -> None:
    """Users of whom the policy has ceased to say that they are protected: the limit is for them, too."""
    safety = (await tx.policy()).config.safety
    most = len(safety.protected_users) + 1000
    inactive = await _some_inactive(tx, hold.id, most, wait=True)
    deleted = await held_users.some_of(tx, hold.id, most)
    for record in inactive:
        if not is_protected(safety, record.id, record.document):
            if await guards.admits_one_more(tx):
                await _apply(tx, [record])
            else:
                await tx.execute(_SET_HOLD, tx.tenant, record.id, await holds.open_one(tx, HoldKind.DEACTIVATIONS))
    for record in deleted:
        if not is_protected(safety, record.id, record.document):
            if await guards.admits_one_more(tx):
                await held_users.delete(tx, record)
            else:
                await held_users.set_hold(tx, record.id, await holds.open_one(tx, HoldKind.DEACTIVATIONS))
    await holds.end_if_empty(tx, hold.id)
