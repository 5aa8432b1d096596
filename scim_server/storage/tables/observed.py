"""What a provider sets while the policy only observes (`mode: Observe`): stored for SCIM, and applied when it
enforces.

`users.hold` says of whom that is so, and `pending_users` whose roles the law is to compute. States, roles and
profiles stay as applications knew them; a user whom they never knew is `deactivated`, without roles.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from scim_server.provisioning.guards import HoldKind, is_protected
from scim_server.provisioning.lifecycle import State, state_after
from scim_server.storage.effects import (
    ActiveChanged,
    ObservationEnded,
    StateChanged,
    UserCreated,
    UserUpdated,
)
from scim_server.storage.records import Due, DueKind, UserRecord
from scim_server.storage.session import Transaction
from scim_server.storage.statement import Statement
from scim_server.storage.tables import (
    due,
    guards,
    held_users,
    holds,
    pending_users,
    profiles,
    role_holds,
    roles,
    tenants,
    users,
    verdicts,
)

_SOME = Statement(f"""
    SELECT {users.COLUMNS} FROM users
    WHERE tenant = $1 AND hold IN ('{users.OBSERVED}', '{users.OBSERVED_NEW}') ORDER BY id LIMIT $2 {{lock}}
""")

_APPLY = Statement("""
    UPDATE users SET state = $3, deactivate_at = $4, blocked_at = $5, hold = $6
    WHERE tenant = $1 AND id = $2
""")

_TO_DO = Due(DueKind.OBSERVED, "")


async def begin(tx: Transaction) -> None:
    """The policy enforces from now on."""
    await pending_users.add_all(tx, gains_only=False, evaluate=True)
    await profiles.begin_walk(tx)
    await role_holds.measure_soon(tx)
    await due.put(tx, [(_TO_DO, due.AT_ONCE)])
    tx.effects.add(ObservationEnded())


async def apply_some(tx: Transaction, limit: int) -> bool:
    """What was only observed happens, through the guards. Whether to call again."""
    if (await tx.policy()).observes:  # again
        await due.take(tx, _TO_DO)
        return False
    found = [users.record_of(tx, row) for row in await tx.fetch(_SOME, tx.tenant, limit)]
    deleted = await held_users.some_of(tx, users.OBSERVED, limit)
    await _apply(tx, found)
    for record in deleted:
        hold = await _hold_of(tx, record)
        if hold is None:
            await held_users.delete(tx, record)
        else:
            await held_users.set_hold(tx, record.id, hold)
    if found or deleted:
        return True
    await due.take(tx, _TO_DO)
    return False


async def _apply(tx: Transaction, found: Sequence[UserRecord]) -> None:
    delay = await tenants.deactivation_delay(tx)
    user_ids = [record.id for record in found]
    states: dict[str, tuple[State | None, State, datetime | None]] = {}
    for record in found:
        before = None if record.hold == users.OBSERVED_NEW else record.state
        hold = None
        if record.active or (before is State.ACTIVE and (hold := await _hold_of(tx, record))):
            state, deactivate_at = State.ACTIVE, None
        else:
            state, deactivate_at = state_after(False, before, record.deactivate_at, tx.now, delay)
        blocked_at = None if state is State.ACTIVE else record.blocked_at or tx.now
        await tx.execute(_APPLY, tx.tenant, record.id, state, deactivate_at, blocked_at, hold)
        states[record.id] = before, state, deactivate_at
    await profiles.recompute(tx, user_ids)
    for after in await users.read_some(tx, user_ids):
        before, state, deactivate_at = states[after.id]
        if before is None:
            tx.effects.add(UserCreated(after))
        else:
            tx.effects.add(UserUpdated(replace(after, document={}), after))
        if before is not state and not (before is None and state is State.ACTIVE):
            tx.effects.add(StateChanged(after.id, before, state, deactivate_at))
    await verdicts.evaluate(tx, user_ids)  # of conditions that are newer, or that ask whether the user is active
    await roles.recompute(tx, user_ids, ActiveChanged())


async def _hold_of(tx: Transaction, record: UserRecord) -> str | None:
    """The hold that keeps a user active who was to be deactivated."""
    if is_protected((await tx.policy()).config.safety, record.id, record.document):
        return await holds.open_one(tx, HoldKind.PROTECTED)
    if record.state is not State.ACTIVE or await guards.admits_one_more(tx):
        return None
    return await holds.open_one(tx, HoldKind.DEACTIVATIONS)
