"""What of a plan gets into a shard that is nearly full."""

import random

import pytest

from scim_operator.api import ObjectKey
from scim_operator.reconcile import fit as fitting
from scim_operator.reconcile.fit import ShardTooLarge, fit
from scim_operator.reconcile.shards import EncodedShard, StoredShard, StoredTenant, StoredTenants
from scim_server.config import BearerCredential, GroupSelector, Role, RoleRule, Tenant

SHARD = None
KEY = bytes(32)
A, B, C = (ObjectKey("acme", name) for name in "abc")


def part(key: ObjectKey, *rules: str, credential: str = "one") -> StoredTenant:
    """A rule is as large in a compressed shard as its name is long."""
    tenant = Tenant(
        namespace=key.namespace,
        name=key.name,
        credentials=(BearerCredential(name=credential),),
        roles=(Role(name="admin"),),
        rules=tuple(
            RoleRule(mapping="acme/m", rule=rule, groups=(GroupSelector(display_name=rule),), roles=("admin",))
            for rule in rules
        ),
    )
    return StoredTenant(tenant, {tenant.credential_key(credential): "ab" * 32})


def text(length: int, seed: int) -> str:
    return random.Random(seed).randbytes(length // 2).hex()


LARGE = [text(200, seed) for seed in range(100, 125)]


def encode(tenants: StoredTenants) -> EncodedShard:
    return EncodedShard.of(None, tenants, KEY, 2, "")  # type: ignore[arg-type]


def stored(*parts: StoredTenant) -> StoredShard:
    tenants = {ObjectKey(each.tenant.namespace, each.tenant.name): each for each in parts}
    made = encode(tenants)
    return StoredShard(SHARD, bundle=made.bundle, tenants=tenants, revision=1, token_key=KEY, sizes=made.sizes)


def rules(delivered: StoredTenant) -> list[str]:
    return [rule.rule for rule in delivered.tenant.rules]


@pytest.fixture
def limit(monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(fitting, "LARGEST_OBJECT", 2000)
    monkeypatch.setattr(fitting, "KEPT_FOR_REMOVALS", 200)
    return 2000


def test_what_fits_is_taken_whole(limit: int) -> None:
    planned = part(A, "one", "two")
    tenants, _ = fit(stored(part(A, "one")), {A: planned}, encode)
    assert tenants == {A: planned}


def test_what_does_not_fit_waits_and_the_rest_stays(limit: int) -> None:
    before = stored(part(A, "one"), part(B, "two"))
    tenants, encoded = fit(before, {A: part(A, "one", text(250, 1), *LARGE)}, encode)
    assert tenants == before.tenants
    assert max(encoded.sizes) <= limit


def test_what_was_removed_goes_though_something_new_does_not_fit(limit: int) -> None:
    tenants, _ = fit(stored(part(A, "one", "two")), {A: part(A, "two", *LARGE, credential="new")}, encode)
    assert rules(tenants[A]) == ["two"]
    assert tenants[A].tenant.credentials == ()


def test_others_that_are_due_get_in(limit: int) -> None:
    huge, small = part(A, *LARGE), part(B, "small")
    tenants, _ = fit(stored(), {A: huge, B: small, C: None}, encode)
    assert tenants == {B: small}


def test_additions_leave_a_little_free_and_removals_may_use_it(limit: int) -> None:
    full = part(A, *(text(200, seed) for seed in range(13)))
    before = stored(full)
    assert limit - 200 < max(before.sizes) <= limit
    smaller = part(A, *rules(full)[1:])
    assert fit(before, {A: smaller}, encode)[0] == {A: smaller}
    assert fit(before, {B: part(B, "one")}, encode)[0] == before.tenants
    changed = part(A, "renamed", *rules(full)[1:])  # no larger than what is there
    assert fit(before, {A: changed}, encode)[0] == {A: changed}


def test_more_than_the_limit_is_an_error(limit: int) -> None:
    with pytest.raises(ShardTooLarge):
        fit(stored(part(A, *(text(200, seed) for seed in range(20)))), {B: part(B, "one")}, encode)
