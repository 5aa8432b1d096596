"""What is due when, after a change, and what is known of whom it deleted."""

from datetime import datetime

from scim_server.provisioning.lifecycle import RETENTION, State
from scim_server.storage.effects import GroupDeleted, StateChanged, UserDeleted
from scim_server.storage.records import Due, DueKind, Tombstone
from scim_server.storage.session import Transaction
from scim_server.storage.tables.recorded import Recorded


def note_due(tx: Transaction, recorded: Recorded) -> None:
    for effect in tx.effects.all:
        match effect:
            case StateChanged(user_id=user_id, deactivate_at=datetime() as at):
                recorded.due[Due(DueKind.DEACTIVATION, user_id)] = at
            case StateChanged(user_id=user_id, before=State.BLOCKED, state=State.ACTIVE):
                recorded.due[Due(DueKind.DEACTIVATION, user_id)] = None
            case UserDeleted(user=user):
                external_id, user_name = user.document.get("externalId"), user.document["userName"]
                recorded.tombstones.append(Tombstone(user.id, "User", external_id, user_name, tx.now))
                if user.deactivate_at is not None:
                    recorded.due[Due(DueKind.DEACTIVATION, user.id)] = None
            case GroupDeleted(group=group):
                external_id = group.document.get("externalId")
                recorded.tombstones.append(Tombstone(group.id, "Group", external_id, None, tx.now))
            case _:
                pass
    for tombstone in recorded.tombstones:
        recorded.due[Due(DueKind.TOMBSTONE, tombstone.id)] = tx.now + RETENTION
