"""What is due when, after a change, and what is known of whom it deleted."""

from datetime import datetime

from scim_server.provisioning.lifecycle import State
from scim_server.provisioning.policy import Policy
from scim_server.storage.effects import (
    DeletionKept,
    GroupDeleted,
    HoldDecided,
    HoldEnded,
    HoldOpened,
    StateChanged,
    UserDeleted,
)
from scim_server.storage.records import Due, DueKind, Hold, Tombstone, UserRecord
from scim_server.storage.session import Transaction
from scim_server.storage.tables import due
from scim_server.storage.tables.recorded import Recorded


async def note_due(tx: Transaction, recorded: Recorded) -> None:
    for effect in tx.effects.all:
        match effect:
            case StateChanged(user_id=user_id, deactivate_at=datetime() as at):
                recorded.due[Due(DueKind.DEACTIVATION, user_id)] = at
            case StateChanged(user_id=user_id, before=State.BLOCKED, state=State.ACTIVE):
                recorded.due[Due(DueKind.DEACTIVATION, user_id)] = None
            case UserDeleted(user=user):
                recorded.tombstones.append(_tombstone_of(user, tx.now))
                recorded.due |= _of_deleted(tx, effect, await tx.policy())
            case GroupDeleted(group=group):
                external_id = group.document.get("externalId")
                recorded.tombstones.append(Tombstone(group.id, "Group", external_id, None, tx.now))
                recorded.due[Due(DueKind.TOMBSTONE, group.id)] = tx.now + (await tx.policy()).retention
            case DeletionKept(user=user):
                recorded.tombstones.append(_tombstone_of(user, tx.now))
            case HoldOpened(hold=Hold(id=hold_id, expires=datetime() as at)):
                recorded.due[Due(DueKind.HOLD, hold_id)] = at
            case HoldDecided(hold=hold_id):
                recorded.due[Due(DueKind.HOLD, hold_id)] = due.AT_ONCE
            case HoldEnded(hold=hold):
                recorded.due[Due(DueKind.HOLD, hold.id)] = None
            case _:
                pass


def _tombstone_of(user: UserRecord, now: datetime) -> Tombstone:
    return Tombstone(user.id, "User", user.document.get("externalId"), user.document["userName"], now)


def _of_deleted(tx: Transaction, deleted: UserDeleted, policy: Policy) -> dict[Due, datetime]:
    """Its deactivation, which still comes, and when it is forgotten: not before that."""
    user = deleted.user
    kept = deleted.delay_ends if policy.erases_deleted else max(deleted.delay_ends, tx.now + policy.retention)
    rows = {Due(DueKind.TOMBSTONE, user.id): kept}
    if deleted.state is State.BLOCKED:
        rows[Due(DueKind.DEACTIVATION, user.id)] = deleted.delay_ends
    return rows
