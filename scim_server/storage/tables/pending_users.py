"""Users whose roles are to be computed again: worked off in batches, by whichever replica, losses before gains."""

from collections.abc import Collection, Sequence

from scim_server.storage.session import Session, Transaction
from scim_server.storage.statement import Statement
from scim_server.storage.tables import nestings

# One that is pending already loses its place among the others only for a better one.
_UNLESS_THERE = """
    ON CONFLICT (tenant, user_id) DO UPDATE
    SET gains_only = pending_users.gains_only AND excluded.gains_only,
        evaluate = pending_users.evaluate OR excluded.evaluate
    WHERE (pending_users.gains_only AND NOT excluded.gains_only) OR (excluded.evaluate AND NOT pending_users.evaluate)
"""

_ADD = Statement(f"""
    INSERT INTO pending_users (tenant, user_id, gains_only)
    SELECT {{text:$1}}, id, {{boolean:$3}} FROM users WHERE tenant = $1 AND id {{in_ids:$2}} AND state = 'active'
    {_UNLESS_THERE}
""")

# Users who aren't active have no roles whatever the rules say.
_ADD_ALL = Statement(f"""
    INSERT INTO pending_users (tenant, user_id, gains_only, evaluate)
    SELECT tenant, id, {{boolean:$2}}, {{boolean:$3}} FROM users WHERE tenant = $1 AND state = 'active'
    {_UNLESS_THERE}
""")

_ADD_BELOW = Statement(f"""
    WITH RECURSIVE {nestings.BELOW}
    INSERT INTO pending_users (tenant, user_id, gains_only)
    SELECT DISTINCT m.tenant, m.user_id, {{boolean:$3}}
    FROM below {{at:memberships m (group_id = below.id)}} {{at:users u (id = m.user_id)}}
    WHERE u.state = 'active'
    {_UNLESS_THERE}
""")

_FREE = Statement(
    "SELECT user_id FROM pending_users WHERE tenant = $1 ORDER BY gains_only, user_id LIMIT $2 {lock_free}"
)

_REMOVE = Statement("DELETE FROM pending_users WHERE tenant = $1 AND user_id {in_ids:$2} RETURNING user_id, evaluate")

_ARE_EVALUATED = Statement("UPDATE pending_users SET evaluate = false WHERE tenant = $1 AND user_id {in_ids:$2}")

_OF_ANOTHER_REPLICA = Statement(
    "SELECT user_id FROM pending_users WHERE tenant = $1 ORDER BY gains_only, user_id LIMIT 1 {wait}"
)

_TENANTS = Statement("""
    SELECT tenant FROM tenants t
    WHERE EXISTS (SELECT 1 FROM pending_users p WHERE p.tenant = t.tenant)
    ORDER BY tenant
""")


async def add(tx: Transaction, user_ids: Collection[str], *, gains_only: bool) -> None:
    """`gains_only`: none of them loses a role."""
    await tx.execute(_ADD, tx.tenant, [*user_ids], gains_only)


async def add_all(tx: Transaction, *, gains_only: bool, evaluate: bool = False) -> int:
    """All users of the tenant; returns how many. `evaluate`: there are conditions that were never evaluated."""
    return await tx.execute(_ADD_ALL, tx.tenant, gains_only, evaluate)


async def add_below(tx: Transaction, group_ids: Collection[str], *, gains_only: bool) -> int:
    """Members of the groups and of groups nested in them; returns how many."""
    return await tx.execute(_ADD_BELOW, tx.tenant, [*group_ids], gains_only)


async def free(tx: Transaction, limit: int) -> Sequence[str]:
    """Several replicas may do this at once: each gets other users."""
    return [str(row["user_id"]) for row in await tx.fetch(_FREE, tx.tenant, limit)]


async def remove(tx: Transaction, user_ids: Collection[str]) -> Collection[str]:
    """Returns those for whom conditions are to be evaluated."""
    rows = await tx.fetch(_REMOVE, tx.tenant, [*user_ids])
    return [str(row["user_id"]) for row in rows if row["evaluate"]]


async def are_evaluated(tx: Transaction, user_ids: Collection[str]) -> None:
    """Conditions are evaluated for these; their roles stay pending."""
    await tx.execute(_ARE_EVALUATED, tx.tenant, [*user_ids])


async def wait_for_others(tx: Transaction) -> bool:
    """Whether there were users that another transaction has taken: waits for the first one's end."""
    return await tx.fetch_one(_OF_ANOTHER_REPLICA, tx.tenant) is not None


async def tenants(session: Session) -> Sequence[str]:
    return [row["tenant"] for row in await session.fetch(_TENANTS)]
