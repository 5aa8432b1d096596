"""Members of groups: a table, changed by the difference alone."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence

from scim_server.scim.patch import MembersDelta
from scim_server.storage.effects import GroupMembersChanged, MembershipChanged, MembersLeftOut
from scim_server.storage.errors import UnknownMembers
from scim_server.storage.ids import is_id
from scim_server.storage.records import LockedGroup, Member, MembersChanged
from scim_server.storage.session import Session, Transaction
from scim_server.storage.statement import Statement, Together
from scim_server.storage.tables import nestings, profiles, roles, tombstones

_BEFORE_ALL = "00000000-0000-0000-0000-000000000000"

_PART = """
    SELECT * FROM (
        SELECT user_id AS id, 'User' AS kind FROM memberships
        WHERE tenant = $1 AND group_id = $2 AND user_id > $3 ORDER BY user_id LIMIT $4
    ) AS users_part
    UNION ALL
    SELECT * FROM (
        SELECT child_id, 'Group' FROM nestings
        WHERE tenant = $1 AND group_id = $2 AND child_id > $3 ORDER BY child_id LIMIT $4
    ) AS groups_part
    ORDER BY id LIMIT $4
"""

_CHUNK = Statement(
    f"SELECT part.id AS id, part.kind AS kind, NULL AS display FROM ({_PART}) AS part ORDER BY part.id"
)

# The chunk is cut before names are looked up.
_NAMED_CHUNK = Statement(f"""
    SELECT part.id AS id, part.kind AS kind,
           coalesce({{json:u.document}} ->> 'displayName', {{json:u.document}} ->> 'userName',
                    {{json:g.document}} ->> 'displayName') AS display
    FROM ({_PART}) AS part
    {{left_at:users u (id = part.id)}}
    {{left_at:groups g (id = part.id)}}
    ORDER BY part.id
""")

# What makes the present members the wanted ones. The group's row is locked, so this can't go stale. SQLite looks each
# id up; PostgreSQL may take one list for short, and search it for each element of the other, unless they are sets.
_DIFFERENCE = Together.either(
    postgres=Together(
        """
        wanted (id) AS MATERIALIZED (
            SELECT DISTINCT asked.id FROM {ids:$3 asked}
        ), present (id) AS MATERIALIZED (
            SELECT user_id FROM memberships WHERE tenant = $1 AND group_id = $2
            UNION ALL
            SELECT child_id FROM nestings WHERE tenant = $1 AND group_id = $2
        )
        """,
        missing="SELECT id FROM wanted EXCEPT SELECT id FROM present",
        unwanted="SELECT id FROM present EXCEPT SELECT id FROM wanted",
    ),
    sqlite=Together(
        missing="""
            SELECT DISTINCT asked.id AS id FROM {ids:$3 asked}
            WHERE asked.id NOT IN (SELECT user_id FROM memberships WHERE tenant = $1 AND group_id = $2)
              AND asked.id NOT IN (SELECT child_id FROM nestings WHERE tenant = $1 AND group_id = $2)
        """,
        unwanted="""
            SELECT user_id AS id FROM memberships WHERE tenant = $1 AND group_id = $2 AND NOT (user_id {in_ids:$3})
            UNION ALL
            SELECT child_id FROM nestings WHERE tenant = $1 AND group_id = $2 AND NOT (child_id {in_ids:$3})
        """,
    ),
)

# Every named user ($3: those of $4, to add, and of $5, to remove) is locked, in the order of ids, before its
# membership changes: so it can't be deleted meanwhile, and its roles, computed by the next statement, see every other
# change of it.
#
# Set operations, because a join of two lists whose lengths PostgreSQL's planner doesn't know may become nested loops.
_CHANGE = Together(
    """
    named (id) AS MATERIALIZED (
        SELECT id FROM users WHERE tenant = $1 AND id {in_ids:$3} ORDER BY id {lock}
    )
    """,
    removed="""
        DELETE FROM memberships
        WHERE tenant = $1 AND group_id = $2
          AND user_id {any:SELECT id FROM named INTERSECT SELECT asked.id FROM {ids:$5 asked}}
        RETURNING user_id AS id
    """,
    added="""
        INSERT INTO memberships (tenant, group_id, user_id)
        SELECT {text:$1}, {id:$2}, id
        FROM (SELECT id FROM named INTERSECT SELECT asked.id FROM {ids:$4 asked}) AS adding
        WHERE true
        ON CONFLICT DO NOTHING
        RETURNING user_id AS id
    """,
    no_users="SELECT asked.id FROM {ids:$3 asked} EXCEPT SELECT id FROM named",
)


async def members(session: Session, group_id: str, chunk: int, *, names: bool) -> AsyncIterator[Sequence[Member]]:
    if not is_id(group_id):
        return
    statement, last = _NAMED_CHUNK if names else _CHUNK, _BEFORE_ALL
    while True:
        rows = await session.fetch(statement, session.tenant, group_id, last, chunk)
        if rows:
            yield [Member(str(row["id"]), row["kind"], row["display"]) for row in rows]
        if len(rows) < chunk:
            return
        last = str(rows[-1]["id"])


async def change(
    tx: Transaction, group: LockedGroup, delta: MembersDelta, *, leave_out_deleted: bool
) -> MembersChanged:
    """Set-based; costs the size of the delta, never of the group. The roles of all whom it affects follow.

    `leave_out_deleted`: members to add that were deleted are left out, as if they had been deleted afterwards.
    Raises `UnknownMembers` (only for ids that are to be added), `NeedsExclusive` where groups are nested.
    """
    group_id = group.record.id
    if delta.replace is not None:
        rows = await tx.together(_DIFFERENCE, tx.tenant, group_id, _valid(delta.replace))
        add, remove = [str(row["id"]) for row in rows["missing"]], [str(row["id"]) for row in rows["unwanted"]]
    else:
        add, remove = _valid(delta.add), [*filter(is_id, delta.remove)]
    rows = await tx.together(_CHANGE, tx.tenant, group_id, [*add, *remove], add, remove)
    tx.has_waited()
    added, removed, others = ([str(row["id"]) for row in rows[name]] for name in ("added", "removed", "no_users"))
    added_groups: Sequence[str] = ()
    removed_groups: Sequence[str] = ()
    affected = [*added, *removed]
    gives_values = await profiles.depend_on(tx, group_id)
    if others:
        nested = await nestings.children(tx, group_id, others)
        if unknown := {*others}.intersection(add).difference(nested):
            await _leave_out(tx, group_id, unknown, leave_out_deleted=leave_out_deleted)
        added_groups, removed_groups = await _nest(tx, group_id, add, nested)
        if (group.grants_reach or gives_values) and (added_groups or removed_groups):
            affected += await nestings.users_below(tx, [*added_groups, *removed_groups])
    changed = MembersChanged(added, removed, added_groups, removed_groups)
    if changed:
        tx.effects.add(GroupMembersChanged(group_id, changed))
    if group.grants_reach:
        names = {group_id: group.record.document.get("displayName")}
        await roles.recompute(tx, set(affected), MembershipChanged(group_id), names=names)
    if gives_values:
        await profiles.recompute(tx, set(affected))
    return changed


async def _leave_out(tx: Transaction, group_id: str, unknown: Collection[str], *, leave_out_deleted: bool) -> None:
    """Raises `UnknownMembers` for those that can't be left out."""
    deleted = await tombstones.among(tx, [*unknown]) if leave_out_deleted else set()
    if never := sorted({*unknown} - deleted):
        raise UnknownMembers(never)
    tx.effects.add(MembersLeftOut(group_id, deleted))


async def _nest(
    tx: Transaction, group_id: str, add: Collection[str], nested: Mapping[str, bool]
) -> tuple[Sequence[str], Sequence[str]]:
    """Add and remove member groups: those nested now, and those that no longer are.

    `nested`: the groups among the ids of the change, and whether each is a member.
    """
    adding = set(add)
    added = sorted(child for child, is_member in nested.items() if child in adding and not is_member)
    removed = sorted(child for child, is_member in nested.items() if child not in adding and is_member)
    await nestings.change(tx, group_id, added, removed)
    return added, removed


def _valid(ids: Collection[str]) -> list[str]:
    """As a list; raises `UnknownMembers` for what can't be an id of ours."""
    unknown = sorted(one for one in ids if not is_id(one))
    if unknown:
        raise UnknownMembers(unknown)
    return [*ids]
