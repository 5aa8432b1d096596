"""Roles that need no group: of every active user (`base`), and of one whom no rule grants a role (`fallback`)."""

from collections.abc import Collection

from scim_server.provisioning.policy import Policy
from scim_server.storage.session import Transaction
from scim_server.storage.statement import Statement

_OF_TENANT = Statement("SELECT kind, role FROM default_roles WHERE tenant = $1")

_ADD = Statement("INSERT INTO default_roles (tenant, kind, role) VALUES ($1, $2, $3)")

_REMOVE = Statement("DELETE FROM default_roles WHERE tenant = $1 AND kind = $2 AND role = $3")


async def replace(tx: Transaction, rules: Policy) -> tuple[Collection[tuple[str, str]], Collection[tuple[str, str]]]:
    """Make them those of the rules. Returns what is no longer given by default, and what is now: (kind, role)."""
    held = {(row["kind"], row["role"]) for row in await tx.fetch(_OF_TENANT, tx.tenant)}
    wanted = {("base", role) for role in rules.base_roles} | {("fallback", role) for role in rules.fallback_roles}
    gone, new = sorted(held - wanted), sorted(wanted - held)
    await tx.batch(_REMOVE, [(tx.tenant, *row) for row in gone])
    await tx.batch(_ADD, [(tx.tenant, *row) for row in new])
    return gone, new
