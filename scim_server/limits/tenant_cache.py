"""A cache for all tenants, bounded in bytes. What one tenant asks for never displaces another's values."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class TenantCache(Generic[K, V]):
    """Values by tenant and key, at most `limit` bytes of all tenants together.

    Beyond the limit the tenant with the most bytes loses values, the least recently used first.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._tenants: dict[str, _OfTenant[K, V]] = {}
        self._size = 0

    @property
    def size(self) -> int:
        """In bytes, as was said of the values."""
        return self._size

    def get(self, tenant: str, key: K) -> V | None:
        of_tenant = self._tenants.get(tenant)
        if of_tenant is None or key not in of_tenant.values:
            return None
        of_tenant.values.move_to_end(key)
        return of_tenant.values[key][0]

    def put(self, tenant: str, key: K, value: V, size: int) -> None:
        """`size` in bytes: of the key too. Once more for a value that has grown."""
        of_tenant = self._tenants.get(tenant)
        if of_tenant is None:
            of_tenant = self._tenants[tenant] = _OfTenant()
        _, before = of_tenant.values.pop(key, (None, 0))
        of_tenant.values[key] = value, size
        of_tenant.size += size - before
        self._size += size - before
        while self._size > self._limit:
            self._forget_one()

    def _forget_one(self) -> None:
        tenant, most = max(self._tenants.items(), key=lambda item: item[1].size)
        _, (_, size) = most.values.popitem(last=False)
        most.size -= size
        self._size -= size
        if not most.values:
            del self._tenants[tenant]


class _OfTenant(Generic[K, V]):
    def __init__(self) -> None:
        self.values: OrderedDict[K, tuple[V, int]] = OrderedDict()
        """Each with its size."""
        self.size = 0
