"""What is due when, after a change, and what is known of whom it deleted."""

from datetime import datetime

from scim_server.provisioning.lifecycle import State
from scim_server.storage.effects import GroupDeleted, StateChanged, UserDeleted
from scim_server.storage.records import Due, DueKind, Tombstone
from scim_server.storage.session import Transaction
from scim_server.storage.tables import due, tombstones


async def record_due(tx: Transaction) -> None:
    put: list[tuple[Due, datetime]] = []
    remove: list[Due] = []
    gone: list[Tombstone] = []
    for effect in tx.effects.all:
        match effect:
            case StateChanged(user_id=user_id, deactivate_at=datetime() as at):
                put.append((Due(DueKind.DEACTIVATION, user_id), at))
            case StateChanged(user_id=user_id, before=State.BLOCKED, state=State.ACTIVE):
                remove.append(Due(DueKind.DEACTIVATION, user_id))
            case UserDeleted(user=user):
                external_id, user_name = user.document.get("externalId"), user.document["userName"]
                gone.append(Tombstone(user.id, "User", external_id, user_name, tx.now))
                put += await _of_deleted(tx, effect)
            case GroupDeleted(group=group):
                gone.append(Tombstone(group.id, "Group", group.document.get("externalId"), None, tx.now))
                put.append((Due(DueKind.TOMBSTONE, group.id), tx.now + (await tx.policy()).retention))
            case _:
                pass
    await due.remove(tx, remove)
    await due.put(tx, put)
    await tombstones.add(tx, gone)


async def _of_deleted(tx: Transaction, deleted: UserDeleted) -> list[tuple[Due, datetime]]:
    """Its deactivation, which still comes, and when it is forgotten: not before that."""
    user, policy = deleted.user, await tx.policy()
    kept = deleted.delay_ends if policy.erases_deleted else max(deleted.delay_ends, tx.now + policy.retention)
    rows = [(Due(DueKind.TOMBSTONE, user.id), kept)]
    if deleted.state is State.BLOCKED:
        rows.append((Due(DueKind.DEACTIVATION, user.id), deleted.delay_ends))
    return rows
