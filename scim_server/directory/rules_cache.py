"""The compiled role rules that the database holds, kept by fingerprint."""

from scim_server.provisioning.grants import RoleRules
from scim_server.storage.protocol import Reader

_NO_RULES = RoleRules((), (), ())


class RulesCache:
    """One entry per tenant. The rules in the database decide, whatever configuration this replica runs."""

    def __init__(self) -> None:
        self._by_tenant: dict[str, RoleRules] = {}

    async def of(self, reader: Reader) -> RoleRules:
        """The rules of the reader's tenant."""
        stored = await reader.rules_version()
        if stored is None:
            return _NO_RULES
        cached = self._by_tenant.get(reader.tenant)
        if cached is not None and cached.fingerprint == stored.fingerprint:
            return cached
        rules = await reader.rules() or _NO_RULES
        self._by_tenant[reader.tenant] = rules
        return rules
