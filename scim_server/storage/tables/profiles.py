"""Profiles of users: computed by the policy that the database holds, when a user is written, when groups that give
values change, and, in batches, when the attributes' rules change.

`users.profile_version` is the version of the user that the profile was computed for. A server that doesn't know of
profiles raises the version alone: then the profile counts for nothing, and is computed again.

A walk (a row of `pending_profiles`) goes through all users of a tenant in the order of their ids: those after `after`
are still to be computed.
"""

import uuid
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from scim_server.provisioning.group_names import GroupNames
from scim_server.provisioning.profile import ComputedProfile, MappingFailure, Profile
from scim_server.scim.schema import JsonObject
from scim_server.storage.documents import from_json, to_json
from scim_server.storage.effects import ExpressionsFailed, ProfileChange, ProfilesChanged, ProfilesPending
from scim_server.storage.errors import NeedsExclusive
from scim_server.storage.ids import FIRST_ID
from scim_server.storage.records import Document, UserRecord
from scim_server.storage.session import Row, Session, Transaction
from scim_server.storage.statement import Statement
from scim_server.storage.tables import nestings

COLUMNS = "profile, profile_version, first_values, profile_failures"
"""Of `users`."""

MOST_AT_COMMIT = 1000
"""Users whose profiles are computed within the change that concerns them."""

_GROUPS_OF = Statement("""
    WITH RECURSIVE reached (user_id, group_id) AS (
        SELECT m.user_id, m.group_id FROM {ids:$2 asked} {at:memberships m (user_id = asked.id)}
        UNION
        SELECT r.user_id, n.group_id FROM reached r {at:nestings n (child_id = r.group_id)}
    )
    SELECT r.user_id, r.group_id, {json:g.document} ->> 'displayName' AS display_name,
           {json:g.document} ->> 'externalId' AS external_id
    FROM reached r {at:groups g (id = r.group_id)}
    ORDER BY r.user_id, r.group_id
""")

_ABOVE = Statement("""
    WITH RECURSIVE above (id) AS (
        SELECT asked.id FROM {ids:$2 asked}
        UNION
        SELECT n.group_id FROM above {at:nestings n (child_id = above.id)}
    )
    SELECT above.id AS group_id, {json:g.document} ->> 'displayName' AS display_name,
           {json:g.document} ->> 'externalId' AS external_id
    FROM above {at:groups g (id = above.id)}
""")

_USER = f"id, document, active, version, {COLUMNS}"

_SOME = Statement(f"SELECT {_USER} FROM users WHERE tenant = $1 AND id {{in_ids:$2}} ORDER BY id {{lock}}")

_NEXT = Statement(f"""
    SELECT {_USER} FROM users WHERE tenant = $1 AND id > {{id:$2}} ORDER BY id LIMIT $3 {{lock}}
""")

_STALE = Statement(f"""
    SELECT {_USER} FROM users WHERE tenant = $1 AND profile_version <> version ORDER BY id LIMIT $2 {{lock}}
""")

_SET = Statement("""
    UPDATE users SET profile = $3, profile_version = version, first_values = $4, profile_failures = $5
    WHERE tenant = $1 AND id = $2
""")

_FAILURES = Statement("""
    SELECT profile_failures, count(*) AS users FROM users WHERE tenant = $1 AND profile_failures IS NOT NULL
    GROUP BY profile_failures
""")

_BEGIN = Statement("INSERT INTO pending_profiles (tenant, walk, after) VALUES ($1, $2, $3)")

_WALKS = Statement("SELECT walk, after FROM pending_profiles WHERE tenant = $1 ORDER BY after, walk {lock_free}")

_MOVE = Statement("UPDATE pending_profiles SET after = $3 WHERE tenant = $1 AND walk = $2")

_END = Statement("DELETE FROM pending_profiles WHERE tenant = $1 AND walk {in_ids:$2}")

_OF_ANOTHER_REPLICA = Statement("SELECT walk FROM pending_profiles WHERE tenant = $1 ORDER BY walk LIMIT 1 {wait}")

# A look into the index for each tenant, as in `users.tenants_with_unlike_states`.
_TENANTS = Statement("""
    SELECT tenant FROM tenants t
    WHERE EXISTS (SELECT 1 FROM pending_profiles p WHERE p.tenant = t.tenant)
       OR (
           SELECT u.id FROM users u WHERE u.tenant = t.tenant AND u.profile_version <> u.version ORDER BY u.id LIMIT 1
       ) IS NOT NULL
    ORDER BY tenant
""")


def stored(row: Row) -> tuple[JsonObject | None, JsonObject, tuple[MappingFailure, ...]]:
    """The profile of a row of `users`, None where none was computed for its version, its first values, and what
    failed."""
    profile = from_json(row["profile"]) if row["profile_version"] == row["version"] and row["profile"] else None
    failures = () if row["profile_failures"] is None else _failures(row["profile_failures"])
    return profile, from_json(row["first_values"]) if row["first_values"] else {}, failures


def _failures(text: str) -> tuple[MappingFailure, ...]:
    return tuple(MappingFailure(*each) for each in from_json(text))


def resource(user_id: str, document: Document, active: bool) -> JsonObject:
    """A user as rules see it."""
    return {"id": user_id, **document, "active": active}


async def of_new(tx: Transaction, record: UserRecord) -> UserRecord:
    """The record of a user who is in no group, with its profile. Raises `InvalidValue` where a mapping refuses it."""
    profile = (await tx.policy()).profile
    return _accepted(tx, record, profile.compute(resource(record.id, record.document, record.active)))


async def of_changed(tx: Transaction, record: UserRecord) -> UserRecord:
    """The record of a locked user with its profile. Raises `InvalidValue` where a mapping refuses it."""
    profile = (await tx.policy()).profile
    groups = (await groups_of(tx, [record.id])).get(record.id, ()) if profile.uses_groups else ()
    user = resource(record.id, record.document, record.active)
    return _accepted(tx, record, profile.compute(user, groups, record.first_values))


def _accepted(tx: Transaction, record: UserRecord, computed: ComputedProfile) -> UserRecord:
    # Who is inactive is taken as it is: no mapping keeps a provider from letting someone go.
    if computed.refused is not None and record.active:
        raise computed.refused.error()
    if computed.failures:
        tx.effects.add(ExpressionsFailed(computed.failures))
    return replace(
        record,
        profile=computed.values,
        first_values=computed.first_values,
        profile_failures=computed.failures,
    )


def columns_of(record: UserRecord) -> tuple[str | None, str | None, str | None]:
    """`profile`, `first_values` and `profile_failures`."""
    return _columns(record.profile, record.first_values, record.profile_failures)


def _columns(
    profile: JsonObject | None, first_values: JsonObject, failures: tuple[MappingFailure, ...]
) -> tuple[str | None, str | None, str | None]:
    return (
        None if profile is None else to_json(profile),
        to_json(first_values) if first_values else None,
        to_json([[each.mapping, each.part, each.reason] for each in failures]) if failures else None,
    )


async def failures(session: Session) -> Mapping[MappingFailure, int]:
    """Those of the tenant, and for how many users each."""
    found: dict[MappingFailure, int] = defaultdict(int)
    for row in await session.fetch(_FAILURES, session.tenant):
        for failure in _failures(row["profile_failures"]):
            found[failure] += row["users"]
    return found


async def groups_of(session: Session, user_ids: Sequence[str]) -> Mapping[str, Sequence[GroupNames]]:
    """Those that each user is in, directly or through member groups."""
    found: dict[str, list[GroupNames]] = defaultdict(list)
    for row in await session.fetch(_GROUPS_OF, session.tenant, [*user_ids]):
        found[str(row["user_id"])].append(_names(row))
    return found


async def depend_on(tx: Transaction, group_id: str) -> bool:
    """Whether the profiles of those who are in the group depend on that, by itself or by groups that it is in."""
    profile = (await tx.policy()).profile
    if not profile.uses_groups:
        return False
    return any(profile.names(_names(row)) for row in await tx.fetch(_ABOVE, tx.tenant, [group_id]))


async def group_renamed(tx: Transaction, group_id: str, before: Document, after: Document) -> None:
    """A locked group has other names. Raises `NeedsExclusive` when that matters and only the shared lock is held:
    users who join groups within it meanwhile would be missed."""
    profile = (await tx.policy()).profile
    if profile.names_alike(group_names(group_id, before), group_names(group_id, after)):
        return
    if not tx.exclusive:
        raise NeedsExclusive
    await recompute(tx, await nestings.users_below(tx, [group_id]))


async def recompute(tx: Transaction, user_ids: Collection[str]) -> None:
    """The profiles of these users, who are locked, after their groups changed; where they are too many, later."""
    if (await tx.policy()).observes:
        return  # `observed.begin` begins a walk
    if len(user_ids) > MOST_AT_COMMIT:
        await begin_walk(tx)
    elif user_ids:
        await _recompute(tx, await tx.fetch(_SOME, tx.tenant, [*user_ids]))


async def begin_walk(tx: Transaction) -> None:
    """The profiles of all users are computed after this transaction."""
    await tx.execute(_BEGIN, tx.tenant, str(uuid.uuid4()), FIRST_ID)
    tx.effects.add(ProfilesPending())


async def recompute_some(tx: Transaction, limit: int = MOST_AT_COMMIT) -> bool:
    """The profiles of up to `limit` users of whom they are pending. Whether to call again."""
    if (await tx.policy()).observes:
        return False
    stale = await tx.fetch(_STALE, tx.tenant, limit)
    if stale:
        await _recompute(tx, stale)
        return True
    walks = await tx.fetch(_WALKS, tx.tenant)
    if not walks:
        return await tx.fetch_one(_OF_ANOTHER_REPLICA, tx.tenant) is not None
    rows = await tx.fetch(_NEXT, tx.tenant, str(walks[0]["after"]), limit)
    tx.has_waited()
    await _recompute(tx, rows)
    reached = str(rows[-1]["id"]) if len(rows) == limit else None
    # A walk that had come as far as this one goes on with it, since its next users were among these.
    done = [str(walk["walk"]) for walk in walks if reached is None or str(walk["after"]) <= reached]
    if reached is not None:
        await tx.execute(_MOVE, tx.tenant, done.pop(), reached)
    await tx.execute(_END, tx.tenant, done)
    return True


async def tenants(session: Session) -> Sequence[str]:
    """Those with users whose profiles are pending."""
    return [row["tenant"] for row in await session.fetch(_TENANTS)]


async def _recompute(tx: Transaction, rows: Sequence[Row]) -> None:
    """Of locked users. A profile is only written where it differs, and told only where there was one before."""
    profile = (await tx.policy()).profile
    ids = [str(row["id"]) for row in rows]
    groups = await groups_of(tx, ids) if profile.uses_groups else {}
    computed = await tx.compute(_computed, profile, rows, groups)
    changes, written = [], []
    failed: dict[MappingFailure, None] = {}
    for row, after in zip(rows, computed, strict=True):
        before = stored(row)[0]
        failed |= dict.fromkeys(after.failures)
        values = after.values
        if stored(row) == (values, after.first_values, after.failures):
            continue
        columns = _columns(values, after.first_values, after.failures)
        written.append((tx.tenant, str(row["id"]), *columns))
        if before is not None and before != values:
            changes.append(ProfileChange(str(row["id"]), before, values))
    await tx.batch(_SET, written)
    if changes:
        tx.effects.add(ProfilesChanged(tuple(changes)))
    if failed:
        tx.effects.add(ExpressionsFailed(tuple(failed)))


def _computed(
    profile: Profile, rows: Sequence[Row], groups: Mapping[str, Sequence[GroupNames]]
) -> list[ComputedProfile]:
    return [
        profile.compute(
            resource(str(row["id"]), from_json(row["document"]), bool(row["active"])),
            groups.get(str(row["id"]), ()),
            stored(row)[1],
        )
        for row in rows
    ]


def group_names(group_id: str, document: Document) -> GroupNames:
    return GroupNames(group_id, document.get("displayName"), document.get("externalId"))


def _names(row: Row) -> GroupNames:
    return GroupNames(str(row["group_id"]), row["display_name"], row["external_id"])
