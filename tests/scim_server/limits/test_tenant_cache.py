"""What is remembered for tenants, against a limit in bytes."""

from hypothesis import given
from hypothesis import strategies as st

from scim_server.limits.tenant_cache import TenantCache

PUTS = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 9), st.integers(0, 150)), max_size=80)


@given(PUTS)
def test_never_more_than_the_limit(puts: list[tuple[str, int, int]]) -> None:
    cache = TenantCache[int, int](100)
    for tenant, key, size in puts:
        cache.put(tenant, key, size, size)
        assert cache.size <= 100
        held = [cache.get(each, number) for each in "abc" for number in range(10)]
        assert sum(size for size in held if size is not None) == cache.size


def test_a_tenant_forgets_only_its_own() -> None:
    cache = TenantCache[int, str](100)
    for number in range(5):
        cache.put("small", number, "kept", 10)
    for number in range(1000):
        cache.put("greedy", number, "x", 25)
    assert [cache.get("small", number) for number in range(5)] == ["kept"] * 5
    assert [number for number in range(1000) if cache.get("greedy", number)] == [998, 999]


def test_what_is_used_stays() -> None:
    cache = TenantCache[str, int](30)
    for key in "abc":
        cache.put("acme/okta", key, 1, 10)
    assert cache.get("acme/okta", "a") == 1
    cache.put("acme/okta", "d", 1, 10)
    assert [key for key in "abcd" if cache.get("acme/okta", key)] == ["a", "c", "d"]


def test_what_is_larger_than_the_limit_is_not_kept() -> None:
    cache = TenantCache[str, int](30)
    cache.put("acme/okta", "a", 1, 31)
    assert cache.get("acme/okta", "a") is None
    assert cache.size == 0
