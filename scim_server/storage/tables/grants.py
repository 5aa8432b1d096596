"""What the rules give, written down: roles of the members of each group (`grants`), and of all users
(`general_grants`).

Whether a window is open is stored, as the state of users is: all replicas go by the row, and a clock only decides
when it changes (`follow_windows`). Of a replica's clock and the database's the earlier one counts, so
that no window opens or closes early.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from scim_server.provisioning.grants import Grant, Source
from scim_server.provisioning.roles import HeldGrant
from scim_server.storage.effects import GrantsChanged, RolesPending
from scim_server.storage.errors import NeedsExclusive
from scim_server.storage.grant_changes import GrantChanges, only_gains
from scim_server.storage.records import DueKind
from scim_server.storage.session import Row, Session, Transaction, optional_time
from scim_server.storage.statement import Statement
from scim_server.storage.tables import due, nestings, pending_users, role_holds, roles

_COLUMNS = "mapping, rule, role, condition, not_before, not_after"

_OF_ALL = Statement(f"SELECT group_id, {_COLUMNS} FROM grants WHERE tenant = $1")

_OF_GROUP = Statement(f"SELECT group_id, {_COLUMNS} FROM grants WHERE tenant = $1 AND group_id = $2")

_GENERAL = Statement(f"SELECT source, {_COLUMNS} FROM general_grants WHERE tenant = $1")

_IS_OPEN = "coalesce({not_before} <= {{early_now:{now}}}, true) AND coalesce({not_after} > {{early_now:{now}}}, true)"

_OPEN_NEW = _IS_OPEN.format(not_before="{time:$7}", not_after="{time:$8}", now="$9")

_ADD = Statement(f"""
    INSERT INTO grants (tenant, group_id, {_COLUMNS}, open) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, {_OPEN_NEW})
""")

_ADD_GENERAL = Statement(f"""
    INSERT INTO general_grants (tenant, source, {_COLUMNS}, open)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, {_OPEN_NEW})
""")

_REMOVE = Statement("""
    DELETE FROM grants WHERE tenant = $1 AND group_id = $2 AND mapping = $3 AND rule = $4 AND role = $5
""")

_REMOVE_GENERAL = Statement("""
    DELETE FROM general_grants WHERE tenant = $1 AND source = $2 AND mapping = $3 AND rule = $4 AND role = $5
""")

_IS_OPEN_NOW = _IS_OPEN.format(not_before="not_before", not_after="not_after", now="$2")

_FOLLOW = Statement(f"""
    UPDATE grants SET open = NOT open WHERE tenant = $1 AND open <> ({_IS_OPEN_NOW}) RETURNING group_id, open
""")

_FOLLOW_GENERAL = Statement(f"""
    UPDATE general_grants SET open = NOT open WHERE tenant = $1 AND open <> ({_IS_OPEN_NOW}) RETURNING open
""")


@dataclass(frozen=True, slots=True)
class GeneralChanges:
    """What new rules change about the grants to all users."""

    gone: Collection[Grant]
    new: Collection[Grant]

    @property
    def only_gains(self) -> bool:
        return only_gains(self.gone, self.new)


async def of_all(session: Session) -> list[tuple[str, Grant]]:
    return _grants(session, await session.fetch(_OF_ALL, session.tenant))


async def add(tx: Transaction, new: Iterable[tuple[str, Grant]]) -> None:
    await tx.batch(_ADD, [_new_row(tx, group_id, grant) for group_id, grant in new])


async def change(tx: Transaction, changes: GrantChanges) -> None:
    await _remove(tx, changes.gone)
    await add(tx, changes.new)


async def replace(tx: Transaction, group_id: str, wanted: frozenset[Grant], name: str | None) -> bool:
    """Make these the grants of a locked group, and its members' roles with them. Whether they were others before.

    `name`: the group's displayName, which the reasons of roles that are lost or gained tell.
    Raises `NeedsExclusive` when they were and only the shared lock is held.
    """
    before = {grant for _, grant in _grants(tx, await tx.fetch(_OF_GROUP, tx.tenant, group_id))}
    if before == wanted:
        return False
    if not tx.exclusive:
        raise NeedsExclusive
    gone, new = sorted(before - wanted), sorted(wanted - before)
    await _remove(tx, [(group_id, grant) for grant in gone])
    await add(tx, [(group_id, grant) for grant in new])
    await role_holds.guard(tx, [HeldGrant(one.role, one.mapping, one.rule, one.source, group_id) for one in gone])
    users = await nestings.users_below(tx, [group_id])
    await roles.recompute(
        tx, users, GrantsChanged(group_id), gains_only=only_gains(gone, wanted), names={group_id: name}
    )
    return True


async def replace_general(tx: Transaction, wanted: Collection[Grant]) -> GeneralChanges:
    """Make these the grants to all users. The users' roles are the caller's to follow."""
    before = {_grant(tx, row, Source(row["source"])) for row in await tx.fetch(_GENERAL, tx.tenant)}
    changes = GeneralChanges(sorted(before - {*wanted}), sorted({*wanted} - before))
    await tx.batch(_REMOVE_GENERAL, [(tx.tenant, grant.source, *_name(grant)) for grant in changes.gone])
    await tx.batch(_ADD_GENERAL, [_new_row(tx, grant.source, grant) for grant in changes.new])
    return changes


async def follow_windows(tx: Transaction) -> None:
    """Open and close what is to be open or closed by now, once, and record whom it concerns as pending.

    Raises `NeedsExclusive` where only the shared lock is held.
    """
    if not tx.exclusive:
        raise NeedsExclusive
    await due.remove_early(tx, DueKind.WINDOW)
    rows = await tx.fetch(_FOLLOW, tx.tenant, tx.now)
    closed = {str(row["group_id"]) for row in rows if not row["open"]}
    opened = {str(row["group_id"]) for row in rows} - closed
    pending = 0
    if general := await tx.fetch(_FOLLOW_GENERAL, tx.tenant, tx.now):
        pending += await pending_users.add_all(tx, gains_only=all(row["open"] for row in general))
    for group_ids, gains_only in ((closed, False), (opened, True)):
        if group_ids:
            pending += await pending_users.add_below(tx, sorted(group_ids), gains_only=gains_only)
    if pending:
        tx.effects.add(RolesPending(pending))


async def _remove(tx: Transaction, rows: Iterable[tuple[str, Grant]]) -> None:
    await tx.batch(_REMOVE, [(tx.tenant, group_id, *_name(grant)) for group_id, grant in rows])


def _name(grant: Grant) -> tuple[str, str, str]:
    """What tells the grants of one group apart."""
    return grant.mapping, grant.rule, grant.role


def _new_row(tx: Transaction, whose: str, grant: Grant) -> tuple[object, ...]:
    return (tx.tenant, whose, *_name(grant), grant.condition, grant.not_before, grant.not_after, tx.now)


def _grants(session: Session, rows: Collection[Row]) -> list[tuple[str, Grant]]:
    return [(str(row["group_id"]), _grant(session, row)) for row in rows]


def _grant(session: Session, row: Row, source: Source = Source.RULE) -> Grant:
    return Grant(
        row["mapping"],
        row["rule"],
        row["role"],
        row["condition"],
        optional_time(session, row["not_before"]),
        optional_time(session, row["not_after"]),
        source,
    )
