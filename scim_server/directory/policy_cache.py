"""The compiled role rules that the database holds, kept by fingerprint."""

from scim_server.provisioning.policy import NO_POLICY, Policy
from scim_server.storage.protocol import Reader


class PolicyCache:
    """One entry per tenant. The rules in the database decide, whatever configuration this replica runs."""

    def __init__(self) -> None:
        self._by_tenant: dict[str, Policy] = {}

    async def of(self, reader: Reader) -> Policy:
        """The rules of the reader's tenant."""
        stored = await reader.rules_version()
        if stored is None:
            return NO_POLICY
        cached = self._by_tenant.get(reader.tenant)
        if cached is not None and cached.fingerprint == stored.fingerprint:
            return cached
        rules = await reader.rules() or NO_POLICY
        self._by_tenant[reader.tenant] = rules
        return rules
