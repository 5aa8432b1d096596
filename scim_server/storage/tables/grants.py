"""Which roles each group grants to its members, and by which rule: what the rules say, written down."""

from collections.abc import Collection, Iterable

from scim_server.provisioning.grants import Grant
from scim_server.storage.effects import GrantsChanged
from scim_server.storage.errors import NeedsExclusive
from scim_server.storage.grant_changes import GrantChanges, roles_of
from scim_server.storage.session import Row, Session, Transaction
from scim_server.storage.statement import Statement
from scim_server.storage.tables import nestings, roles

_OF_ALL = Statement("SELECT group_id, mapping, rule, role FROM grants WHERE tenant = $1")

_OF_GROUP = Statement("SELECT group_id, mapping, rule, role FROM grants WHERE tenant = $1 AND group_id = $2")

_ADD = Statement("INSERT INTO grants (tenant, group_id, mapping, rule, role) VALUES ($1, $2, $3, $4, $5)")

_REMOVE = Statement("""
    DELETE FROM grants WHERE tenant = $1 AND group_id = $2 AND mapping = $3 AND rule = $4 AND role = $5
""")


async def of_all(session: Session) -> list[tuple[str, Grant]]:
    return _grants(await session.fetch(_OF_ALL, session.tenant))


async def add(tx: Transaction, new: Iterable[tuple[str, Grant]]) -> None:
    await _batch(tx, _ADD, new)


async def change(tx: Transaction, changes: GrantChanges) -> None:
    await _batch(tx, _REMOVE, changes.gone)
    await _batch(tx, _ADD, changes.new)


async def replace(tx: Transaction, group_id: str, wanted: frozenset[Grant]) -> bool:
    """Make these the grants of a locked group, and its members' roles with them. Whether they were others before.

    Raises `NeedsExclusive` when they were and only the shared lock is held.
    """
    before = {grant for _, grant in _grants(await tx.fetch(_OF_GROUP, tx.tenant, group_id))}
    if before == wanted:
        return False
    if not tx.exclusive:
        raise NeedsExclusive
    await _batch(tx, _REMOVE, [(group_id, grant) for grant in sorted(before - wanted)])
    await _batch(tx, _ADD, [(group_id, grant) for grant in sorted(wanted - before)])
    if roles_of(before) != roles_of(wanted):
        users, gains_only = await nestings.users_below(tx, [group_id]), roles_of(before) <= roles_of(wanted)
        await roles.recompute(tx, users, GrantsChanged(group_id), gains_only=gains_only)
    return True


async def _batch(tx: Transaction, statement: Statement, rows: Iterable[tuple[str, Grant]]) -> None:
    await tx.batch(
        statement, [(tx.tenant, group_id, grant.mapping, grant.rule, grant.role) for group_id, grant in rows]
    )


def _grants(rows: Collection[Row]) -> list[tuple[str, Grant]]:
    return [(str(row["group_id"]), Grant(row["mapping"], row["rule"], row["role"])) for row in rows]
