"""Grants that rules no longer give, and whose loss is held: they keep the reasons that users have by them, and give
no new ones."""

from collections.abc import Iterable

from scim_server.provisioning.roles import HeldGrant
from scim_server.storage.errors import NeedsExclusive
from scim_server.storage.ids import FIRST_ID
from scim_server.storage.session import Transaction
from scim_server.storage.statement import Statement

_ADD = Statement("""
    INSERT INTO held_grants (tenant, hold, group_id, source, mapping, rule, role) VALUES ($1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT DO NOTHING
""")

_REMOVE = Statement("DELETE FROM held_grants WHERE tenant = $1 AND hold = $2 RETURNING group_id")


async def add(tx: Transaction, hold: str, grants: Iterable[HeldGrant]) -> None:
    """Raises `NeedsExclusive`, as every change of grants does."""
    if not tx.exclusive:
        raise NeedsExclusive
    await tx.batch(
        _ADD,
        [
            (tx.tenant, hold, grant.group_id or FIRST_ID, grant.source, grant.mapping, grant.rule, grant.role)
            for grant in grants
        ],
    )


async def remove(tx: Transaction, hold: str) -> frozenset[str | None]:
    """The groups whose members may lose roles by it, None for all users: they are to be recorded as pending."""
    if not tx.exclusive:
        raise NeedsExclusive
    found = {str(row["group_id"]) for row in await tx.fetch(_REMOVE, tx.tenant, hold)}
    return frozenset(None if group_id == FIRST_ID else group_id for group_id in found)
