"""Collects the changes of roles that a new configuration makes, and tells them with the users' names."""

from collections import defaultdict
from collections.abc import Collection, Mapping

from scim_operator.local.report import Reporter
from scim_operator.local.role_tally import RoleTally
from scim_server.app import Server
from scim_server.storage.effects import Effects, RolesChanged, RulesChanged
from scim_server.storage.protocol import Reader


class RoleNews:
    """Listens to the server's storage from the moment it is made."""

    def __init__(self, server: Server, reporter: Reporter) -> None:
        self._storage = server.storage
        self._reporter = reporter
        self._tallies: defaultdict[str, RoleTally] = defaultdict(RoleTally)
        self._storage.subscribe(self._count)

    async def tell(self) -> None:
        """Report what was collected since the last time. Raises `StorageUnavailable`."""
        tallies = {tenant: tally for tenant, tally in sorted(self._tallies.items()) if tally}
        self._tallies.clear()
        for tenant, tally in tallies.items():
            self._reporter.change(f"{tenant}: {tally.describe(await self._names(tenant, tally.named_users))}")

    def _count(self, tenant: str, effects: Effects) -> None:
        for effect in effects.all:
            if isinstance(effect, RolesChanged) and isinstance(effect.reason, RulesChanged):
                for change in effect.changes:
                    self._tallies[tenant].add(change.user_id, change.added, change.removed)

    async def _names(self, tenant: str, user_ids: Collection[str]) -> Mapping[str, str]:
        async def work(reader: Reader) -> dict[str, str]:
            users = [await reader.user(user_id) for user_id in user_ids]
            return {
                user.id: str(user.document.get("displayName") or user.document.get("userName"))
                for user in users
                if user is not None
            }

        return await self._storage.read(tenant, work)
