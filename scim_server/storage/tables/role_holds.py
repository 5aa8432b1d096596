"""Roles that a change of mappings would take: held until it is known whether that concerns too many.

Grants that are lost go on keeping the roles that users have by them (`held_grants`), as a hold that nobody sees yet.
When the users have what else the change gives them, the losers are counted. Few lose their roles at once; of many it
becomes a hold that people see. A change that can't concern more users than the limit's count isn't held at all.
"""

from collections.abc import Collection, Sequence
from datetime import timedelta

import orjson

from scim_server.provisioning.guards import DISCARDED, HoldKind, most_losers
from scim_server.provisioning.roles import HeldGrant
from scim_server.storage.effects import HoldOpened, RolesPending
from scim_server.storage.ids import FIRST_ID
from scim_server.storage.records import Due, DueKind, Hold
from scim_server.storage.session import Row, Transaction
from scim_server.storage.statement import Statement
from scim_server.storage.tables import due, held_grants, holds, losers, pending_users

_GRANT = "group_id, source, mapping, rule, role"

_UNDECIDED = "hold NOT IN (SELECT d.id FROM holds d WHERE d.tenant = $1 AND d.decision IS NOT NULL)"

_EARLIER = Statement(f"SELECT {_GRANT} FROM held_grants WHERE tenant = $1 AND {_UNDECIDED}")

_STILL_LOST = Statement(f"""
    SELECT {_GRANT} FROM held_grants h
    WHERE tenant = $1 AND {_UNDECIDED}
      AND NOT EXISTS (
          SELECT 1 FROM grants g
          WHERE g.tenant = $1 AND g.group_id = h.group_id AND g.mapping = h.mapping AND g.rule = h.rule
            AND g.role = h.role
      )
      AND NOT EXISTS (
          SELECT 1 FROM general_grants g
          WHERE g.tenant = $1 AND h.group_id = '{FIRST_ID}' AND g.source = h.source AND g.mapping = h.mapping
            AND g.rule = h.rule AND g.role = h.role
      )
      AND NOT EXISTS (
          SELECT 1 FROM default_roles g WHERE g.tenant = $1 AND g.kind = h.source AND g.role = h.role
      )
""")

_FORGET_EARLIER = Statement(f"DELETE FROM held_grants WHERE tenant = $1 AND {_UNDECIDED}")

_OPEN = Statement("SELECT id FROM holds WHERE tenant = $1 AND kind = 'roles' AND decision IS NULL")

_CONCERNED = Statement(f"""
    SELECT count(*) AS users FROM (
        SELECT DISTINCT user_id FROM role_reasons
        WHERE tenant = $1 AND ({_GRANT}) IN (
            SELECT {_GRANT} FROM {{rows:$2 e (group_id id, source text, mapping text, rule text, role text)}}
        )
        LIMIT $3
    ) AS concerned
""")

_ADD = Statement("INSERT INTO holds (tenant, id, kind, since) VALUES ($1, $2, 'roles', $3)")

_UNMEASURED = Statement("""
    SELECT id FROM holds WHERE tenant = $1 AND kind = 'roles' AND users IS NULL AND decision IS NULL
""")

_PENDING = Statement("SELECT 1 AS one FROM pending_users WHERE tenant = $1 LIMIT 1")

_COUNT = Statement(f"""
    SELECT (SELECT count(*) FROM ({losers.OF_HOLD}) AS found) AS losers,
           (SELECT count(DISTINCT user_id) FROM user_roles WHERE tenant = $1) AS holders
""")

_MEASURED = Statement("UPDATE holds SET users = $3, since = $4, expires = $5 WHERE tenant = $1 AND id = $2")

_DISCARD = Statement(f"""
    INSERT INTO held_grants (tenant, hold, {_GRANT})
    SELECT tenant, '{DISCARDED}', {_GRANT} FROM held_grants WHERE tenant = $1 AND hold = $2
    ON CONFLICT DO NOTHING
""")


async def guard(tx: Transaction, lost: Collection[HeldGrant]) -> None:
    """Called with the tenant held alone, when new grants are written, and before anybody loses a role by it.

    What an earlier change has lost, and nobody has decided, or somebody has discarded, is measured anew with it; what
    is given again isn't held any more.
    """
    earlier = await tx.fetch(_EARLIER, tx.tenant)
    if not lost and not earlier:
        return
    still = [_grant_of(row) for row in await tx.fetch(_STILL_LOST, tx.tenant)]
    await tx.execute(_FORGET_EARLIER, tx.tenant)
    for row in await tx.fetch(_OPEN, tx.tenant):
        if hold := await holds.read(tx, row["id"]):
            await holds.end(tx, hold)
    together = {*lost, *still}
    if together and await _may_be_too_many(tx, together):
        hold_id = holds.new_id(HoldKind.ROLES)
        await tx.execute(_ADD, tx.tenant, hold_id, tx.now)
        await held_grants.add(tx, hold_id, together)
        await measure_soon(tx)
    elif earlier:
        await _compute_later(tx, {_grant_of(row).group_id for row in earlier})


async def measure_soon(tx: Transaction) -> None:
    """Called again when a policy enforces that has only observed: until then nobody loses a role."""
    if not (await tx.policy()).observes:
        unmeasured = await tx.fetch(_UNMEASURED, tx.tenant)
        await due.put(tx, [(Due(DueKind.HOLD, row["id"]), due.AT_ONCE) for row in unmeasured])


async def measure(tx: Transaction) -> bool:
    """Whether users lose roles now, who are pending: what a change lost concerns few of them."""
    row = await tx.fetch_one(_UNMEASURED, tx.tenant)
    if row is None or await tx.fetch_one(_PENDING, tx.tenant) is not None:
        return False  # what else the change gives comes first
    hold_id: str = row["id"]
    if (await tx.policy()).observes:
        await due.take(tx, Due(DueKind.HOLD, hold_id))
        return False
    counted = await tx.fetch_one(_COUNT, tx.tenant, hold_id)
    assert counted is not None  # noqa: S101 - of one row
    safety = (await tx.policy()).config.safety
    if counted["losers"] <= most_losers(counted["holders"], safety.max_role_changes):
        hold = await holds.read(tx, hold_id)
        assert hold is not None  # noqa: S101 - it was read above
        await release(tx, hold)
        return True
    expires = tx.now + timedelta(seconds=safety.hold_for_seconds)
    await tx.execute(_MEASURED, tx.tenant, hold_id, counted["losers"], tx.now, expires)
    tx.effects.add(HoldOpened(Hold(hold_id, HoldKind.ROLES, tx.now, expires, counted["losers"])))
    return False


async def release(tx: Transaction, hold: Hold) -> None:
    """What it held is lost: whom it concerns is pending."""
    await _compute_later(tx, await held_grants.remove(tx, hold.id))
    await holds.end(tx, hold)


async def discard(tx: Transaction, hold: Hold) -> None:
    """Users keep what they have by it until the next change of mappings."""
    await tx.execute(_DISCARD, tx.tenant, hold.id)
    await held_grants.remove(tx, hold.id)
    await holds.end(tx, hold)


async def _compute_later(tx: Transaction, group_ids: Collection[str | None]) -> None:
    if None in group_ids:
        pending = await pending_users.add_all(tx, gains_only=False)
    else:
        pending = await pending_users.add_below(tx, sorted(each for each in group_ids if each), gains_only=False)
    if pending:
        tx.effects.add(RolesPending(pending))


async def _may_be_too_many(tx: Transaction, lost: Collection[HeldGrant]) -> bool:
    limit = (await tx.policy()).config.safety.max_role_changes
    if limit.percent >= 100:
        return False
    row = await tx.fetch_one(_CONCERNED, tx.tenant, _rows_of(lost), limit.count + 1)
    return row is not None and row["users"] > limit.count


def _rows_of(lost: Collection[HeldGrant]) -> str:
    rows: Sequence[dict[str, str]] = [
        {
            "group_id": grant.group_id or FIRST_ID,
            "source": grant.source,
            "mapping": grant.mapping,
            "rule": grant.rule,
            "role": grant.role,
        }
        for grant in lost
    ]
    return orjson.dumps(rows).decode()


def _grant_of(row: Row) -> HeldGrant:
    group_id = str(row["group_id"])
    return HeldGrant(
        row["role"], row["mapping"], row["rule"], row["source"], None if group_id == FIRST_ID else group_id
    )
