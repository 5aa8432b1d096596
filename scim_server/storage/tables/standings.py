"""All users of a tenant, in batches, with what decides their roles."""

from collections.abc import Mapping, Sequence

from scim_server.provisioning.group_names import GroupNames
from scim_server.storage.ids import FIRST_ID, is_id
from scim_server.storage.records import Standing
from scim_server.storage.session import Session
from scim_server.storage.statement import Statement
from scim_server.storage.tables import users

_MOST_GROUPS = 50_000
"""Of a batch. Users who are in very many groups make it shorter."""

_USERS = Statement(f"SELECT {users.COLUMNS} FROM users WHERE tenant = $1 AND id > {{id:$2}} ORDER BY id LIMIT $3")

# Directly or through member groups; UNION ends cycles.
_GROUPS = Statement(f"""
    WITH RECURSIVE reached (user_id, group_id) AS (
        SELECT asked.id, m.group_id FROM {{ids:$2 asked}} {{at:memberships m (user_id = asked.id)}}
        UNION
        SELECT r.user_id, n.group_id FROM reached r {{at:nestings n (child_id = r.group_id)}}
    )
    SELECT user_id, group_id FROM reached ORDER BY user_id, group_id LIMIT {_MOST_GROUPS + 1}
""")

_ROLES = Statement("SELECT user_id, role FROM user_roles WHERE tenant = $1 AND user_id {in_ids:$2}")

_NAMED = Statement("""
    SELECT id, {json:document} ->> 'displayName' AS display, {json:document} ->> 'externalId' AS external
    FROM groups WHERE tenant = $1 AND id {in_ids:$2}
""")


async def after(session: Session, user_id: str, limit: int) -> Sequence[Standing]:
    found = await session.fetch(_USERS, session.tenant, user_id or FIRST_ID, limit)
    records = [users.record_of(session, row) for row in found]
    if not records:
        return []
    ids = [record.id for record in records]
    groups: dict[str, list[str]] = {}
    rows = await session.fetch(_GROUPS, session.tenant, ids)
    for row in rows:
        groups.setdefault(str(row["user_id"]), []).append(str(row["group_id"]))
    if len(rows) > _MOST_GROUPS:  # of the last one not all were read, and of those who follow none
        last = str(rows[-1]["user_id"])
        records = records[: max(1, ids.index(last))]
    roles: dict[str, set[str]] = {}
    for row in await session.fetch(_ROLES, session.tenant, [record.id for record in records]):
        roles.setdefault(str(row["user_id"]), set()).add(row["role"])
    return [Standing(record, groups.get(record.id, ()), frozenset(roles.get(record.id, ()))) for record in records]


async def group_names(session: Session, ids: Sequence[str]) -> Mapping[str, GroupNames]:
    rows = await session.fetch(_NAMED, session.tenant, [*filter(is_id, ids)])
    return {str(row["id"]): GroupNames(str(row["id"]), row["display"], row["external"]) for row in rows}
