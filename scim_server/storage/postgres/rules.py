"""The rules that decide roles, stored beside the users; and working off what new rules leave to be done."""

from collections.abc import Sequence
from datetime import datetime

from scim_server.provisioning.grants import Grant, RoleRules
from scim_server.storage.departures import has_returned
from scim_server.storage.documents import from_json
from scim_server.storage.errors import NeedsExclusive
from scim_server.storage.grant_changes import grant_changes
from scim_server.storage.postgres.departures import Departures
from scim_server.storage.postgres.roles import RoleReads, RoleWrites
from scim_server.storage.records import FormerUsers, RoleChange, RulesVersion, TenantCounts

_VERSION = """
    SELECT revision, fingerprint, NOT EXISTS (SELECT FROM unsettled WHERE tenant = $1) AS settled
    FROM tenants WHERE tenant = $1 AND departed IS NULL
"""

_RULES = "SELECT rules FROM tenants WHERE tenant = $1"

_COUNTS = """
    SELECT (SELECT coalesce(sum(added - removed), 0)::bigint FROM totals
            WHERE tenant = $1 AND kind = 'users') AS users,
           (SELECT count(*) FROM users WHERE tenant = $1 AND NOT active) AS inactive,
           (SELECT count(*) FROM users WHERE tenant = $1 AND NOT active AND blocked_at > $2) AS blocked,
           (SELECT coalesce(sum(added - removed), 0)::bigint FROM totals
            WHERE tenant = $1 AND kind = 'groups') AS groups,
           greatest((SELECT max(modified) FROM users WHERE tenant = $1),
                    (SELECT max(modified) FROM groups WHERE tenant = $1)) AS last_sync,
           t.former_users, t.returned, t.departed
    FROM (SELECT) one LEFT JOIN tenants t ON t.tenant = $1
"""

# Locked, because revisions are raised (`Storage.bump_revisions`) without the tenant's lock.
_HELD = """
    SELECT revision, fingerprint, base_roles, fallback_roles, uid, departed FROM tenants
    WHERE tenant = $1
    FOR NO KEY UPDATE
"""

_STORE = """
    INSERT INTO tenants (tenant, revision, fingerprint, rules, base_roles, fallback_roles, uid)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT (tenant) DO UPDATE
    SET revision = excluded.revision, fingerprint = excluded.fingerprint, rules = excluded.rules,
        base_roles = excluded.base_roles, fallback_roles = excluded.fallback_roles,
        uid = coalesce(excluded.uid, tenants.uid)
"""

_GROUPS = "SELECT id, document FROM groups WHERE tenant = $1"

_GRANTS = "SELECT group_id, mapping, rule, role FROM grants WHERE tenant = $1"

_REVOKE = """
    DELETE FROM grants g
    USING unnest($2::uuid[], $3::text[], $4::text[], $5::text[]) AS gone (group_id, mapping, rule, role)
    WHERE g.tenant = $1 AND g.group_id = gone.group_id AND g.mapping = gone.mapping
      AND g.rule = gone.rule AND g.role = gone.role
"""

_GRANT = """
    INSERT INTO grants (tenant, group_id, mapping, rule, role)
    SELECT $1, * FROM unnest($2::uuid[], $3::text[], $4::text[], $5::text[])
"""

# Inactive users have no roles whatever the rules say.
_UNSETTLE_ALL = """
    INSERT INTO unsettled (tenant, user_id) SELECT $1, id FROM users WHERE tenant = $1 AND active
    ON CONFLICT DO NOTHING
"""

_UNSETTLE_BELOW = """
    WITH RECURSIVE below (id) AS (
        SELECT unnest($2::uuid[])
        UNION
        SELECT n.child_id
        FROM below b, LATERAL (SELECT child_id FROM nestings WHERE tenant = $1 AND group_id = b.id OFFSET 0) n
    )
    INSERT INTO unsettled (tenant, user_id)
    SELECT DISTINCT $1, m.user_id
    FROM below
    JOIN memberships m ON m.tenant = $1 AND m.group_id = below.id
    JOIN users u ON u.tenant = $1 AND u.id = m.user_id
    WHERE u.active
    ON CONFLICT DO NOTHING
"""

_TAKE = """
    WITH batch AS MATERIALIZED (
        SELECT user_id FROM unsettled WHERE tenant = $1 ORDER BY user_id LIMIT $2 FOR UPDATE SKIP LOCKED
    )
    DELETE FROM unsettled
    WHERE tenant = $1 AND user_id = ANY (ARRAY (SELECT user_id FROM batch))
    RETURNING user_id
"""

# Waits for a replica that works on the rest.
_WAIT = "SELECT FROM unsettled WHERE tenant = $1 ORDER BY user_id LIMIT 1 FOR SHARE"


class RuleReads(RoleReads):
    async def rules_version(self) -> RulesVersion | None:
        row = await self._connection.fetchrow(_VERSION, self.tenant)
        return None if row is None else RulesVersion(row["revision"], row["fingerprint"], row["settled"])

    async def rules(self) -> RoleRules | None:
        document = await self._connection.fetchval(_RULES, self.tenant)
        return None if document is None else RoleRules.from_document(document)

    async def counts(self, blocked_after: datetime) -> TenantCounts:
        row = await self._connection.fetchrow(_COUNTS, self.tenant, blocked_after)
        return TenantCounts(
            active=row["users"] - row["inactive"],
            blocked=row["blocked"],
            deactivated=row["inactive"] - row["blocked"],
            groups=row["groups"],
            last_sync=row["last_sync"],
            former_users=FormerUsers(row["former_users"], row["returned"]) if row["former_users"] else None,
            departed=row["departed"] is not None,
        )


class RuleWrites(Departures, RuleReads, RoleWrites):
    async def put_rules(self, rules: RoleRules, revision: int, uid: str | None = None) -> bool:
        if not self.exclusive:
            raise NeedsExclusive
        held = await self._connection.fetchrow(_HELD, self.tenant)
        if held is not None and held["revision"] >= revision:
            return False
        if held is not None and has_returned(held["departed"], held["uid"], uid):
            await self.note_return()
            held = await self._connection.fetchrow(_HELD, self.tenant)
        await self._connection.execute(
            _STORE,
            self.tenant,
            revision,
            rules.fingerprint,
            rules.to_document().decode(),
            rules.base_roles,
            rules.fallback_roles,
            uid,
        )
        if held is not None and held["fingerprint"] == rules.fingerprint:
            return True
        regranted = await self._regrant_all(rules)
        roles_of_all = () if held is None else (held["base_roles"], held["fallback_roles"])
        if [*map(tuple, roles_of_all)] != [rules.base_roles, rules.fallback_roles]:
            await self._connection.execute(_UNSETTLE_ALL, self.tenant)
        elif regranted:
            await self._connection.execute(_UNSETTLE_BELOW, self.tenant, regranted)
        return True

    async def settle_some(self, limit: int = 5000) -> Sequence[RoleChange] | None:
        taken = [str(row["user_id"]) for row in await self._connection.fetch(_TAKE, self.tenant, limit)]
        if taken:
            return await self.settle_users(taken)
        others_work = await self._connection.fetch(_WAIT, self.tenant)
        return () if others_work else None

    async def _regrant_all(self, rules: RoleRules) -> tuple[str, ...]:
        """Write the differences of all groups' grants; the groups that now give other roles."""
        groups = []
        for row in await self._connection.fetch(_GROUPS, self.tenant):
            document = from_json(row["document"])
            groups.append((str(row["id"]), document.get("displayName"), document.get("externalId")))
        held = [
            (str(row["group_id"]), Grant(row["mapping"], row["rule"], row["role"]))
            for row in await self._connection.fetch(_GRANTS, self.tenant)
        ]
        changes = grant_changes(groups, held, rules)
        for statement, rows in ((_REVOKE, changes.gone), (_GRANT, changes.new)):
            if rows:
                await self._connection.execute(
                    statement,
                    self.tenant,
                    [group_id for group_id, _ in rows],
                    [grant.mapping for _, grant in rows],
                    [grant.rule for _, grant in rows],
                    [grant.role for _, grant in rows],
                )
        return changes.regranted
