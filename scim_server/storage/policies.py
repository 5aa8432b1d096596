"""The policies that the database holds, compiled, by tenant: one for all transactions of a storage."""

from scim_server.provisioning.policy import NO_POLICY, Policy

FINGERPRINT = "(SELECT fingerprint FROM tenants WHERE tenant = $1) AS fingerprint"
"""A column for `Transaction.note_fingerprint`: it saves the round trip that the policy would take."""


class Policies:
    """One entry per tenant, of at most so many tenants. The fingerprint tells whether it is still the stored one."""

    def __init__(self, most: int = 10_000) -> None:
        self._most = most
        self._by_tenant: dict[str, Policy] = {}

    def known(self, tenant: str) -> Policy:
        """The one that was read last: a guess, of which the database knows better."""
        return self._by_tenant.get(tenant, NO_POLICY)

    def with_fingerprint(self, tenant: str, fingerprint: str) -> Policy | None:
        known = self._by_tenant.get(tenant)
        return known if known is not None and known.fingerprint == fingerprint else None

    def put(self, tenant: str, policy: Policy) -> None:
        if len(self._by_tenant) >= self._most:
            self._by_tenant.clear()
        self._by_tenant[tenant] = policy
