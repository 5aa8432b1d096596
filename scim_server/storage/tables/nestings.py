"""Groups that are members of groups."""

from collections.abc import Collection, Sequence

from scim_server.storage.errors import NeedsExclusive
from scim_server.storage.session import Session, Transaction
from scim_server.storage.statement import Statement

# Whether members have roles through a group: by its own grants, held ones too, or by those of groups that it is
# nested in. All can only change under the tenant's exclusive lock, so the answer stays true for the transaction.
GRANTS_REACH = """
    EXISTS (
        WITH RECURSIVE above (id) AS (
            SELECT {group}
            UNION
            SELECT n.group_id FROM above {{at:nestings n (child_id = above.id)}}
        )
        SELECT 1 FROM above {{at:grants g (group_id = above.id)}}
        UNION ALL
        SELECT 1 FROM above {{at:held_grants g (group_id = above.id)}}
    )
"""

_GRANTS_REACH = Statement("SELECT " + GRANTS_REACH.format(group="{id:$2}") + " AS answer")

# The groups of $2 and those nested in them, to any depth; UNION ends cycles.
BELOW = """
    below (id) AS (
        SELECT asked.id FROM {ids:$2 asked}
        UNION
        SELECT n.child_id FROM below {at:nestings n (group_id = below.id)}
    )
"""

_USERS_BELOW = Statement(f"""
    WITH RECURSIVE {BELOW}
    SELECT DISTINCT m.user_id FROM below {{at:memberships m (group_id = below.id)}}
""")

_IS_NESTED = Statement("""
    SELECT EXISTS (SELECT 1 FROM nestings WHERE tenant = $1 AND group_id = $2)
        OR EXISTS (SELECT 1 FROM nestings WHERE tenant = $1 AND child_id = $2) AS answer
""")

_CHILDREN = Statement("""
    SELECT g.id, EXISTS (
        SELECT 1 FROM nestings n WHERE n.tenant = $1 AND n.group_id = $2 AND n.child_id = g.id
    ) AS nested
    FROM groups g
    WHERE g.tenant = $1 AND g.id {in_ids:$3}
""")

_ADD = Statement("""
    INSERT INTO nestings (tenant, group_id, child_id)
    SELECT {text:$1}, {id:$2}, asked.id FROM {ids:$3 asked}
""")

_REMOVE = Statement("DELETE FROM nestings WHERE tenant = $1 AND group_id = $2 AND child_id {in_ids:$3}")


async def grants_reach(session: Session, group_id: str) -> bool:
    row = await session.fetch_one(_GRANTS_REACH, session.tenant, group_id)
    return row is not None and bool(row["answer"])


async def users_below(session: Session, group_ids: Collection[str]) -> list[str]:
    """Members of the groups and of groups nested in them, to any depth."""
    return [str(row["user_id"]) for row in await session.fetch(_USERS_BELOW, session.tenant, [*group_ids])]


async def is_nested(session: Session, group_id: str) -> bool:
    """Whether the group has a member group, or is one."""
    row = await session.fetch_one(_IS_NESTED, session.tenant, group_id)
    return row is not None and bool(row["answer"])


async def children(session: Session, group_id: str, candidates: Collection[str]) -> dict[str, bool]:
    """Those of the ids that are groups, and whether each is a member of the group."""
    rows = await session.fetch(_CHILDREN, session.tenant, group_id, [*candidates])
    return {str(row["id"]): bool(row["nested"]) for row in rows}


async def change(tx: Transaction, group_id: str, added: Sequence[str], removed: Sequence[str]) -> None:
    """Raises `NeedsExclusive` when only the shared lock is held."""
    if (added or removed) and not tx.exclusive:
        raise NeedsExclusive
    if added:
        await tx.execute(_ADD, tx.tenant, group_id, added)
    if removed:
        await tx.execute(_REMOVE, tx.tenant, group_id, removed)
