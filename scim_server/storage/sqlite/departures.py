"""Tenants whose ProvisioningConfig is gone: what becomes of their data, and what another one of that name finds."""

import sqlite3
from datetime import timedelta

from scim_server.provisioning.grants import RoleRules
from scim_server.storage.departures import LATE_WRITES, TENANT_TABLES, erasing
from scim_server.storage.sqlite.session import WriteSession
from scim_server.storage.sqlite.times import MICROSECOND

_DEPART = """
    UPDATE tenants SET departed = ?2, erase_at = ?3, revision = ?4, returned = NULL, former_users = NULL
    WHERE tenant = ?1 AND departed IS NULL AND revision < ?4
"""

_IS_TO_BE_ERASED = "SELECT 1 FROM tenants WHERE tenant = ?1 AND departed IS NOT NULL AND erase_at <= ?2"

_FORGET_RULES = """
    UPDATE tenants SET fingerprint = ?2, rules = ?3, base_roles = '[]', fallback_roles = '[]', uid = NULL
    WHERE tenant = ?1 AND fingerprint <> ?2
"""

_ERASED = "UPDATE tenants SET erase_at = NULL WHERE tenant = ?1 AND departed < ?2"

_RETURN = """
    UPDATE tenants
    SET departed = NULL, erase_at = NULL, returned = ?2, former_users = (
        SELECT coalesce(sum(added - removed), 0) FROM totals WHERE tenant = ?1 AND kind = 'users'
    )
    WHERE tenant = ?1
"""

_NO_RULES = RoleRules((), (), ())


class Departures(WriteSession):
    async def depart(self, keep: timedelta, revision: int) -> bool:
        return await self._connection.run(_depart, self.tenant, self._now, keep // MICROSECOND, revision)

    async def erase_some(self, limit: int = 5000) -> bool:
        return await self._connection.run(_erase_some, self.tenant, self._now, limit)


def _depart(connection: sqlite3.Connection, tenant: str, now: int, keep: int, revision: int) -> bool:
    return connection.execute(_DEPART, (tenant, now, now + keep, revision)).rowcount == 1


def _erase_some(connection: sqlite3.Connection, tenant: str, now: int, limit: int) -> bool:
    if connection.execute(_IS_TO_BE_ERASED, (tenant, now)).fetchone() is None:
        return False
    connection.execute(_FORGET_RULES, (tenant, _NO_RULES.fingerprint, _NO_RULES.to_document().decode()))
    left = limit
    for table in TENANT_TABLES:
        left -= connection.execute(erasing(table), {"1": tenant, "2": left}).rowcount
        if left <= 0:
            return True
    if left < limit:
        return True
    connection.execute(_ERASED, (tenant, now - LATE_WRITES // MICROSECOND))
    return False


def note_return(connection: sqlite3.Connection, tenant: str, now: int) -> None:
    """Another ProvisioningConfig has this tenant's name; what was to be erased is gone before."""
    while _erase_some(connection, tenant, now, 5000):
        pass
    connection.execute("DELETE FROM credential_uses WHERE tenant = ?", (tenant,))
    connection.execute(_RETURN, (tenant, now))
