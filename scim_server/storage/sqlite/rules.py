"""The rules that decide roles, stored beside the users; and working off what new rules leave to be done."""

import sqlite3
from collections.abc import Sequence
from datetime import datetime

from scim_server.provisioning.grants import Grant, RoleRules
from scim_server.storage.departures import has_returned
from scim_server.storage.documents import from_json, to_json
from scim_server.storage.grant_changes import grant_changes
from scim_server.storage.records import FormerUsers, RoleChange, RulesVersion, TenantCounts
from scim_server.storage.sqlite.departures import Departures, note_return
from scim_server.storage.sqlite.roles import RoleReads, RoleWrites, settle
from scim_server.storage.sqlite.times import from_microseconds, from_optional_microseconds, microseconds

_VERSION = """
    SELECT revision, fingerprint, NOT EXISTS (SELECT 1 FROM unsettled WHERE tenant = ?1) AS settled
    FROM tenants WHERE tenant = ?1 AND departed IS NULL
"""

_COUNTS = """
    SELECT (SELECT coalesce(sum(added - removed), 0) FROM totals WHERE tenant = ?1 AND kind = 'users') AS users,
           (SELECT count(*) FROM users WHERE tenant = ?1 AND NOT active) AS inactive,
           (SELECT count(*) FROM users WHERE tenant = ?1 AND NOT active AND blocked_at > ?2) AS blocked,
           (SELECT coalesce(sum(added - removed), 0) FROM totals WHERE tenant = ?1 AND kind = 'groups') AS groups,
           (SELECT max(modified) FROM users WHERE tenant = ?1) AS users_modified,
           (SELECT max(modified) FROM groups WHERE tenant = ?1) AS groups_modified,
           t.former_users, t.returned, t.departed
    FROM (SELECT 1) LEFT JOIN tenants t ON t.tenant = ?1
"""

_HELD = "SELECT revision, fingerprint, base_roles, fallback_roles, uid, departed FROM tenants WHERE tenant = ?"

_STORE = """
    INSERT INTO tenants (tenant, revision, fingerprint, rules, base_roles, fallback_roles, uid)
    VALUES (?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (tenant) DO UPDATE
    SET revision = excluded.revision, fingerprint = excluded.fingerprint, rules = excluded.rules,
        base_roles = excluded.base_roles, fallback_roles = excluded.fallback_roles,
        uid = coalesce(excluded.uid, tenants.uid)
"""

_REVOKE = "DELETE FROM grants WHERE tenant = ? AND group_id = ? AND mapping = ? AND rule = ? AND role = ?"

_GRANT = "INSERT INTO grants (tenant, group_id, mapping, rule, role) VALUES (?, ?, ?, ?, ?)"

# Inactive users have no roles whatever the rules say.
_UNSETTLE_ALL = """
    INSERT INTO unsettled (tenant, user_id) SELECT tenant, id FROM users WHERE tenant = ?1 AND active
    ON CONFLICT DO NOTHING
"""

_UNSETTLE_BELOW = """
    WITH RECURSIVE below (id) AS (
        SELECT value FROM json_each(?2)
        UNION
        SELECT n.child_id FROM below b CROSS JOIN nestings n ON n.tenant = ?1 AND n.group_id = b.id
    )
    INSERT INTO unsettled (tenant, user_id)
    SELECT ?1, m.user_id
    FROM below
    CROSS JOIN memberships m ON m.tenant = ?1 AND m.group_id = below.id
    CROSS JOIN users u ON u.tenant = ?1 AND u.id = m.user_id
    WHERE u.active
    ON CONFLICT DO NOTHING
"""

_TAKE = """
    DELETE FROM unsettled
    WHERE tenant = ?1 AND user_id IN (SELECT user_id FROM unsettled WHERE tenant = ?1 ORDER BY user_id LIMIT ?2)
    RETURNING user_id
"""


class RuleReads(RoleReads):
    async def rules_version(self) -> RulesVersion | None:
        return await self._connection.run(_version, self.tenant)

    async def rules(self) -> RoleRules | None:
        return await self._connection.run(_rules, self.tenant)

    async def counts(self, blocked_after: datetime) -> TenantCounts:
        return await self._connection.run(_counts, self.tenant, microseconds(blocked_after))


class RuleWrites(Departures, RuleReads, RoleWrites):
    async def put_rules(self, rules: RoleRules, revision: int, uid: str | None = None) -> bool:
        return await self._connection.run(_put, self.tenant, self._now, rules, revision, uid)

    async def settle_some(self, limit: int = 5000) -> Sequence[RoleChange] | None:
        return await self._connection.run(_settle_some, self.tenant, self._now, limit)


def _version(connection: sqlite3.Connection, tenant: str) -> RulesVersion | None:
    row = connection.execute(_VERSION, (tenant,)).fetchone()
    return None if row is None else RulesVersion(row["revision"], row["fingerprint"], bool(row["settled"]))


def _rules(connection: sqlite3.Connection, tenant: str) -> RoleRules | None:
    row = connection.execute("SELECT rules FROM tenants WHERE tenant = ?", (tenant,)).fetchone()
    return None if row is None else RoleRules.from_document(row["rules"])


def _counts(connection: sqlite3.Connection, tenant: str, blocked_after: int) -> TenantCounts:
    row = connection.execute(_COUNTS, (tenant, blocked_after)).fetchone()
    changes = [time for time in (row["users_modified"], row["groups_modified"]) if time is not None]
    return TenantCounts(
        active=row["users"] - row["inactive"],
        blocked=row["blocked"],
        deactivated=row["inactive"] - row["blocked"],
        groups=row["groups"],
        last_sync=from_optional_microseconds(max(changes, default=None)),
        former_users=FormerUsers(row["former_users"], from_microseconds(row["returned"]))
        if row["former_users"]
        else None,
        departed=row["departed"] is not None,
    )


def _put(
    connection: sqlite3.Connection, tenant: str, now: int, rules: RoleRules, revision: int, uid: str | None
) -> bool:
    held = connection.execute(_HELD, (tenant,)).fetchone()
    if held is not None and held["revision"] >= revision:
        return False
    if held is not None and has_returned(held["departed"], held["uid"], uid):
        note_return(connection, tenant, now)
        held = connection.execute(_HELD, (tenant,)).fetchone()
    roles_of_all = (to_json(rules.base_roles), to_json(rules.fallback_roles))
    document = rules.to_document().decode()
    connection.execute(_STORE, (tenant, revision, rules.fingerprint, document, *roles_of_all, uid))
    if held is not None and held["fingerprint"] == rules.fingerprint:
        return True
    regranted = _regrant_all(connection, tenant, rules)
    if held is None or (held["base_roles"], held["fallback_roles"]) != roles_of_all:
        connection.execute(_UNSETTLE_ALL, (tenant,))
    elif regranted:
        connection.execute(_UNSETTLE_BELOW, (tenant, to_json(regranted)))
    return True


def _regrant_all(connection: sqlite3.Connection, tenant: str, rules: RoleRules) -> tuple[str, ...]:
    """Write the differences of all groups' grants; the groups that now give other roles."""
    groups = []
    for group_id, text in connection.execute("SELECT id, document FROM groups WHERE tenant = ?", (tenant,)):
        document = from_json(text)
        groups.append((group_id, document.get("displayName"), document.get("externalId")))
    held = [
        (row["group_id"], Grant(row["mapping"], row["rule"], row["role"]))
        for row in connection.execute("SELECT * FROM grants WHERE tenant = ?", (tenant,))
    ]
    changes = grant_changes(groups, held, rules)
    for statement, rows in ((_REVOKE, changes.gone), (_GRANT, changes.new)):
        connection.executemany(statement, ((tenant, group_id, g.mapping, g.rule, g.role) for group_id, g in rows))
    return changes.regranted


def _settle_some(connection: sqlite3.Connection, tenant: str, now: int, limit: int) -> Sequence[RoleChange] | None:
    taken = [user_id for (user_id,) in connection.execute(_TAKE, (tenant, limit))]
    return settle(connection, tenant, now, taken) if taken else None
