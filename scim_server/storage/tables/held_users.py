"""Users whose deletion is held: for the provider they are gone, for applications they are there as before.

Their rows are moved, so that nothing of SCIM has to know of them: not lists, not uniqueness, not groups. Their roles
stay as they were until the hold ends.
"""

from collections.abc import Sequence

from scim_server.provisioning.guards import DISCARDED
from scim_server.provisioning.lifecycle import state_after_deletion
from scim_server.storage.effects import DeletionKept, UserDeleted
from scim_server.storage.ids import is_id
from scim_server.storage.index_keys import keys_of_user
from scim_server.storage.records import LockedUser, UserRecord
from scim_server.storage.session import Session, Transaction
from scim_server.storage.statement import Statement, Together
from scim_server.storage.tables import holds, roles, tenants, users

_KEEP = Statement("INSERT INTO held_users SELECT * FROM users WHERE tenant = $1 AND id = $2")

_SET_HOLD = Statement("UPDATE held_users SET hold = $3 WHERE tenant = $1 AND id = $2")

_LEAVE = Together(
    touched="""
        UPDATE groups SET version = version + 1, modified = {later:$3 modified}
        WHERE tenant = $1 AND id {in_ids:$4}
    """,
    groups="""
        INSERT INTO held_memberships (tenant, user_id, group_id)
        SELECT tenant, user_id, group_id FROM memberships WHERE tenant = $1 AND user_id = $2
    """,
    emails="DELETE FROM user_emails WHERE tenant = $1 AND user_id = $2",
    pending="DELETE FROM pending_users WHERE tenant = $1 AND user_id = $2",
    memberships="DELETE FROM memberships WHERE tenant = $1 AND user_id = $2",
    deleted="DELETE FROM users WHERE tenant = $1 AND id = $2",
)

_READ = Statement(f"SELECT {users.COLUMNS} FROM held_users WHERE tenant = $1 AND id = $2")

_OF_HOLD = Statement(f"""
    SELECT {users.COLUMNS} FROM held_users WHERE tenant = $1 AND hold = $2 ORDER BY id LIMIT $3 {{lock_free}}
""")

_ANY = Statement("SELECT 1 AS one FROM held_users WHERE tenant = $1 LIMIT 1")

_SAME = Statement(f"""
    SELECT {users.COLUMNS} FROM held_users WHERE tenant = $1 AND (user_name_key = $2 OR external_id_key = $3) {{lock}}
""")

_GONE = Together(
    groups="DELETE FROM held_memberships WHERE tenant = $1 AND user_id = $2",
    deleted="DELETE FROM held_users WHERE tenant = $1 AND id = $2",
)

_RETURN = Statement("""
    INSERT INTO users SELECT * FROM held_users WHERE tenant = $1 AND id = $2
    ON CONFLICT DO NOTHING
""")

_RETURNED = Statement(f"""
    UPDATE users
    SET hold = CASE WHEN active THEN NULL ELSE '{DISCARDED}' END, modified = {{later:$3 modified}},
        version = version + 1
    WHERE tenant = $1 AND id = $2
""")

_EMAILS = Statement("INSERT INTO user_emails (tenant, user_id, value_key) VALUES ($1, $2, $3)")

_REJOIN = Together(
    touched="""
        UPDATE groups SET version = version + 1, modified = {later:$3 modified}
        WHERE tenant = $1
          AND id {any:SELECT h.group_id FROM held_memberships h WHERE h.tenant = $1 AND h.user_id = $2}
    """,
    joined="""
        INSERT INTO memberships (tenant, group_id, user_id)
        SELECT h.tenant, h.group_id, h.user_id FROM held_memberships h
        WHERE h.tenant = $1 AND h.user_id = $2
          AND h.group_id IN (SELECT g.id FROM groups g WHERE g.tenant = $1)
        ON CONFLICT DO NOTHING
    """,
    forgotten="DELETE FROM tombstones WHERE tenant = $1 AND id = $2",
)


async def keep(tx: Transaction, locked: LockedUser, hold: str) -> None:
    """Instead of the deletion of a user."""
    user_id = locked.record.id
    await tx.execute(_KEEP, tx.tenant, user_id)
    await set_hold(tx, user_id, hold)
    await tx.together(_LEAVE, tx.tenant, user_id, tx.now, sorted(locked.groups))
    tx.effects.add(DeletionKept(locked.record))


async def set_hold(tx: Transaction, user_id: str, hold: str) -> None:
    await tx.execute(_SET_HOLD, tx.tenant, user_id, hold)


async def read(session: Session, user_id: str) -> UserRecord | None:
    if not is_id(user_id):
        return None
    row = await session.fetch_one(_READ, session.tenant, user_id)
    return None if row is None else users.record_of(session, row)


async def are_there(session: Session) -> bool:
    return await session.fetch_one(_ANY, session.tenant) is not None


async def some_of(tx: Transaction, hold: str, limit: int) -> Sequence[UserRecord]:
    return [users.record_of(tx, row) for row in await tx.fetch(_OF_HOLD, tx.tenant, hold, limit)]


async def end_those_replaced_by(tx: Transaction, user: UserRecord) -> None:
    """The provider has made a user anew whose deletion is held: what it did before has happened then."""
    keys = keys_of_user(user.document)
    for row in await tx.fetch(_SAME, tx.tenant, keys.user_name, keys.external_id):
        record = users.record_of(tx, row)
        await delete(tx, record)
        if record.hold is not None:
            await holds.end_if_empty(tx, record.hold)


async def delete(tx: Transaction, user: UserRecord) -> None:
    """What was held happens."""
    await tx.together(_GONE, tx.tenant, user.id)
    delay = await tenants.deactivation_delay(tx)
    tx.effects.add(UserDeleted(user, state_after_deletion(user.state, delay), tx.now + delay))
    await roles.forget(tx, user.id)


async def bring_back(tx: Transaction, user: UserRecord) -> bool:
    """The deletion is undone. False where another user has the name by now: then it happens."""
    if await tx.execute(_RETURN, tx.tenant, user.id) == 0:
        await delete(tx, user)
        return False
    await tx.execute(_RETURNED, tx.tenant, user.id, tx.now)
    await tx.batch(_EMAILS, [(tx.tenant, user.id, key) for key in keys_of_user(user.document).emails])
    await tx.together(_REJOIN, tx.tenant, user.id, tx.now)
    await tx.together(_GONE, tx.tenant, user.id)
    return True
