"""What is due when, after a change, and what is known of whom it deleted."""

from datetime import datetime

from scim_server.provisioning.lifecycle import RETENTION, State
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
                if user.deactivate_at is not None:
                    remove.append(Due(DueKind.DEACTIVATION, user.id))
            case GroupDeleted(group=group):
                gone.append(Tombstone(group.id, "Group", group.document.get("externalId"), None, tx.now))
            case _:
                pass
    put += [(Due(DueKind.TOMBSTONE, tombstone.id), tx.now + RETENTION) for tombstone in gone]
    await due.remove(tx, remove)
    await due.put(tx, put)
    await tombstones.add(tx, gone)
