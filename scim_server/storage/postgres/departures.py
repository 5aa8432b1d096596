"""Tenants whose ProvisioningConfig is gone: what becomes of their data, and what another one of that name finds.

Times are the database's: a replica whose clock is wrong must not erase early.
"""

from datetime import timedelta

from scim_server.provisioning.grants import RoleRules
from scim_server.storage.departures import LATE_WRITES, TENANT_TABLES, erasing
from scim_server.storage.errors import NeedsExclusive
from scim_server.storage.postgres.session import WriteSession

_DEPART = """
    UPDATE tenants SET departed = now(), erase_at = now() + $2, revision = $3, returned = NULL, former_users = NULL
    WHERE tenant = $1 AND departed IS NULL AND revision < $3
"""

_IS_TO_BE_ERASED = "SELECT erase_at <= now() AND departed IS NOT NULL FROM tenants WHERE tenant = $1"

_FORGET_RULES = """
    UPDATE tenants SET fingerprint = $2, rules = $3, base_roles = '{}', fallback_roles = '{}', uid = NULL
    WHERE tenant = $1 AND fingerprint <> $2
"""

_ERASED = "UPDATE tenants SET erase_at = NULL WHERE tenant = $1 AND departed < now() - $2::interval"

_RETURN = """
    UPDATE tenants
    SET departed = NULL, erase_at = NULL, returned = now(), former_users = (
        SELECT coalesce(sum(added - removed), 0) FROM totals WHERE tenant = $1 AND kind = 'users'
    )
    WHERE tenant = $1
"""

_NO_RULES = RoleRules((), (), ())


class Departures(WriteSession):
    async def depart(self, keep: timedelta, revision: int) -> bool:
        if not self.exclusive:
            raise NeedsExclusive
        return await self._connection.execute(_DEPART, self.tenant, keep, revision) == "UPDATE 1"

    async def erase_some(self, limit: int = 5000) -> bool:
        if not self.exclusive:
            raise NeedsExclusive
        if not await self._connection.fetchval(_IS_TO_BE_ERASED, self.tenant):
            return False
        rules = _NO_RULES.to_document().decode()
        await self._connection.execute(_FORGET_RULES, self.tenant, _NO_RULES.fingerprint, rules)
        left = limit
        for table in TENANT_TABLES:
            left -= int((await self._connection.execute(erasing(table), self.tenant, left)).removeprefix("DELETE "))
            if left <= 0:
                return True
        if left < limit:
            return True
        await self._connection.execute(_ERASED, self.tenant, LATE_WRITES)
        return False

    async def note_return(self) -> None:
        """Another ProvisioningConfig has this tenant's name; what was to be erased is gone before."""
        while await self.erase_some():
            pass
        await self._connection.execute("DELETE FROM credential_uses WHERE tenant = $1", self.tenant)
        await self._connection.execute(_RETURN, self.tenant)
