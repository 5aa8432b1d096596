"""Groups: their rows."""

from collections.abc import Collection

from scim_server.provisioning.grants import Grant
from scim_server.storage.documents import from_json, to_json
from scim_server.storage.effects import GrantsChanged, GroupCreated, GroupDeleted, GroupUpdated
from scim_server.storage.errors import DisplayNameTaken, NeedsExclusive, TryAgain
from scim_server.storage.ids import is_id
from scim_server.storage.index_keys import keys_of_group
from scim_server.storage.new_records import changed_group, new_group
from scim_server.storage.policies import FINGERPRINT
from scim_server.storage.records import Document, GroupRecord, LockedGroup
from scim_server.storage.session import Row, Session, Transaction
from scim_server.storage.statement import Statement, Together
from scim_server.storage.tables import grants as grants_table
from scim_server.storage.tables import nestings, profiles, roles

COLUMNS = "id, document, created, modified, version"

_READ = Statement(f"SELECT {COLUMNS} FROM groups WHERE tenant = $1 AND id = $2")

_LOCK = Statement(f"""
    SELECT {COLUMNS}, {nestings.GRANTS_REACH.format(group="{id:$2}")} AS grants_reach, {FINGERPRINT}
    FROM groups WHERE tenant = $1 AND id = $2
    {{lock}}
""")

_INSERT = Statement("""
    INSERT INTO groups (tenant, id, display_name_key, external_id_key, created, modified, version,
                        document{postgres:, folded})
    VALUES ($1, $2, $3, $4, $5, $5, 1, $6{postgres:, $7})
    ON CONFLICT (tenant, display_name_key) DO NOTHING
""")

_HOLDER_OF_NAME = Statement("SELECT id FROM groups WHERE tenant = $1 AND display_name_key = $2")

_UPDATE = Statement("""
    UPDATE groups
    SET display_name_key = $3, external_id_key = $4, modified = $5, version = $6, document = $7{postgres:, folded =
    $8} WHERE tenant = $1 AND id = $2
""")

TOUCH_ROWS = """
    UPDATE groups SET modified = e.modified, version = e.version
    FROM {rows:$N e (id id, modified time, version bigint)}
    WHERE groups.tenant = $1 AND groups.id = e.id
"""

_DELETE = Together(
    memberships="DELETE FROM memberships WHERE tenant = $1 AND group_id = $2",
    nestings="DELETE FROM nestings WHERE tenant = $1 AND (group_id = $2 OR child_id = $2)",
    grants="DELETE FROM grants WHERE tenant = $1 AND group_id = $2",
    held_grants="DELETE FROM held_grants WHERE tenant = $1 AND group_id = $2",
    deleted="DELETE FROM groups WHERE tenant = $1 AND id = $2",
)

_TOUCH_PARENTS = Statement("""
    UPDATE groups SET version = version + 1, modified = {later:$3 modified}
    WHERE tenant = $1 AND id IN (SELECT group_id FROM nestings WHERE tenant = $1 AND child_id = $2)
""")

_ALL = Statement("SELECT id, document FROM groups WHERE tenant = $1")


async def read(session: Session, group_id: str) -> GroupRecord | None:
    if not is_id(group_id):
        return None
    row = await session.fetch_one(_READ, session.tenant, group_id)
    return None if row is None else record_of(session, row)


async def names_of_all(session: Session) -> list[tuple[str, str | None, str | None]]:
    """(id, displayName, externalId) of every group."""
    names = []
    for row in await session.fetch(_ALL, session.tenant):
        document = from_json(row["document"])
        names.append((str(row["id"]), document.get("displayName"), document.get("externalId")))
    return names


async def lock(tx: Transaction, group_id: str) -> LockedGroup | None:
    if not is_id(group_id):
        return None
    row = await tx.fetch_one(_LOCK, tx.tenant, group_id)
    tx.has_waited()
    if row is None:
        return None
    tx.note_fingerprint(row["fingerprint"])
    tx.subject = record = record_of(tx, row)
    return LockedGroup(record, bool(row["grants_reach"]))


async def insert(tx: Transaction, document: Document, grants: Collection[Grant]) -> LockedGroup:
    """Raises `DisplayNameTaken`."""
    keys = keys_of_group(document)
    tx.subject = record = new_group(document, tx.now)
    added = await tx.execute(
        _INSERT,
        tx.tenant,
        record.id,
        keys.display_name,
        keys.external_id,
        tx.now,
        to_json(document),
        tx.folded(document),
    )
    if not added:
        await _raise_if_taken(tx, keys.display_name)
        raise TryAgain  # its holder was deleted in between
    await grants_table.add(tx, [(record.id, grant) for grant in sorted(grants)])
    tx.effects.add(GroupCreated(record))
    return LockedGroup(record, bool(grants))


async def update(tx: Transaction, group: LockedGroup, document: Document, grants: Collection[Grant]) -> LockedGroup:
    """Raises `DisplayNameTaken`; `NeedsExclusive` when the grants change and only the shared lock is held."""
    before, keys = group.record, keys_of_group(document)
    if keys.display_name != keys_of_group(before.document).display_name:
        await _raise_if_taken(tx, keys.display_name)
    updated = changed_group(before, document, tx.now)
    await tx.execute(
        _UPDATE,
        tx.tenant,
        before.id,
        keys.display_name,
        keys.external_id,
        updated.modified,
        updated.version,
        to_json(document),
        tx.folded(document),
    )
    tx.effects.add(GroupUpdated(before, updated))
    await profiles.group_renamed(tx, before.id, before.document, document)
    if await grants_table.replace(tx, before.id, frozenset(grants), document.get("displayName")):
        return LockedGroup(updated, await nestings.grants_reach(tx, before.id))
    return LockedGroup(updated, group.grants_reach)


def touch(tx: Transaction, group: LockedGroup) -> GroupRecord:
    """Written at the end of the transaction."""
    touched = changed_group(group.record, group.record.document, tx.now)
    tx.touched.append(touched)
    return touched


async def delete(tx: Transaction, group: LockedGroup) -> None:
    """Raises `NeedsExclusive` when the group is nested and only the shared lock is held."""
    group_id = group.record.id
    nested = await nestings.is_nested(tx, group_id)
    if nested and not tx.exclusive:
        raise NeedsExclusive
    gives_values = await profiles.depend_on(tx, group_id)
    affected = await nestings.users_below(tx, [group_id]) if group.grants_reach or gives_values else []
    if affected and not tx.exclusive:
        await roles.lock_users(tx, affected)
    if nested:
        await tx.execute(_TOUCH_PARENTS, tx.tenant, group_id, tx.now)
    await tx.together(_DELETE, tx.tenant, group_id)
    tx.effects.add(GroupDeleted(group.record))
    names = {group_id: group.record.document.get("displayName")}
    await roles.recompute(tx, affected, GrantsChanged(group_id), names=names)
    if gives_values:
        await profiles.recompute(tx, affected)


async def _raise_if_taken(session: Session, display_name_key: str) -> None:
    holder = await session.fetch_one(_HOLDER_OF_NAME, session.tenant, display_name_key)
    if holder is not None:
        raise DisplayNameTaken(str(holder["id"]))


def record_of(session: Session, row: Row) -> GroupRecord:
    return GroupRecord(
        str(row["id"]),
        from_json(row["document"]),
        session.time(row["created"]),
        session.time(row["modified"]),
        row["version"],
    )
