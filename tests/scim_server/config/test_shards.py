"""The whole as shards and shards as the whole."""

import pytest

from scim_server.config import SHARDS, ConfigBundle, ConfigError, ConfigHolder, Outcome, shard_of
from tests.scim_server.config.bundles import bundle, tenant


def revised(part: ConfigBundle, revision: int) -> ConfigBundle:
    return part.model_copy(
        update={
            "config": part.config.model_copy(update={"revision": revision}),
            "secrets": part.secrets.model_copy(update={"revision": revision}),
        }
    )


def test_a_tenant_is_whole_in_one_shard_which_stays_the_same() -> None:
    assert [shard_of(key) for key in ("acme/okta", "acme/entra", "other/okta")] == [13, 2, 15]


def test_shards_together_are_the_whole() -> None:
    whole = bundle(5, tenant())
    parts = whole.parts()
    assert [shard for shard in SHARDS if parts[shard].config.tenants] == [shard_of("acme/okta")]
    assert ConfigBundle.together(parts.values()) == whole
    for part in parts.values():
        assert ConfigBundle.decode(part.encode()) == part


def test_a_tenant_has_the_revision_of_its_shard() -> None:
    parts = bundle(5, tenant()).parts()
    other = next(shard for shard in SHARDS if shard != shard_of("acme/okta"))
    together = ConfigBundle.together({**parts, other: revised(parts[other], 9)}.values())
    assert (together.revision, together.revision_of("acme/okta")) == (9, 5)


def test_a_tenant_of_another_shard_is_refused() -> None:
    part = bundle(5, tenant()).parts()[shard_of("acme/okta")]
    moved = part.encode().replace(b'"shard":13', b'"shard":6')
    with pytest.raises(ConfigError, match="acme/okta is not of shard 6"):
        ConfigBundle.decode(moved)


def test_halves_of_different_shards_are_refused() -> None:
    parts = bundle(5).parts()
    with pytest.raises(ConfigError, match="config is of shard 1 and secrets are of shard 2"):
        ConfigBundle.of(parts[1].config, parts[2].secrets)


def test_nothing_runs_until_the_last_shard_has_come() -> None:
    holder = ConfigHolder()
    seen: list[int] = []
    holder.subscribe(lambda current: seen.append(current.revision))
    parts = bundle(5, tenant()).parts()
    for part in list(parts.values())[:-1]:
        assert holder.offer(part, "push") is Outcome.ACCEPTED
    assert (holder.current, holder.revision, seen) == (None, 0, [])
    holder.offer(list(parts.values())[-1], "push")
    assert holder.current == bundle(5, tenant())
    assert seen == [5]


def test_a_shard_replaces_nothing_but_itself_and_only_by_a_higher_revision() -> None:
    holder = ConfigHolder()
    holder.offer(bundle(5, tenant()), "file")
    shard = shard_of("acme/okta")
    gone = bundle(6).parts()[shard]
    assert holder.offer(gone, "push") is Outcome.ACCEPTED
    assert holder.current is not None
    assert holder.current.config.tenants == ()
    assert {holder.revision_of(other) for other in SHARDS if other != shard} == {5}
    assert holder.offer(bundle(5, tenant()).parts()[shard], "push") is Outcome.STALE
    assert (holder.revision, holder.revision_of(shard), holder.revision_of(None)) == (6, 6, 5)
