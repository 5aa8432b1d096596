from hypothesis import given
from hypothesis import strategies as st

from scim_server.config import ConfigBundle, ConfigError, ConfigHolder, Outcome
from tests.scim_server.config.bundles import bundle, tenant


def test_the_first_document_is_taken() -> None:
    holder = ConfigHolder()
    assert (holder.revision, holder.current) == (0, None)

    assert holder.offer(bundle(5), "file") is Outcome.ACCEPTED

    assert (holder.revision, holder.source) == (5, "file")


def test_a_higher_revision_replaces_a_lower_one() -> None:
    holder = ConfigHolder()
    holder.offer(bundle(5), "file")

    assert holder.offer(bundle(6, tenant()), "push") is Outcome.ACCEPTED

    assert (holder.revision, holder.source) == (6, "push")


def test_a_lower_revision_never_replaces_a_higher_one() -> None:
    holder = ConfigHolder()
    holder.offer(bundle(5), "file")

    assert holder.offer(bundle(4, tenant()), "push") is Outcome.STALE

    assert holder.current == bundle(5)
    assert holder.source == "file"


def test_the_same_revision_again_changes_nothing() -> None:
    holder = ConfigHolder()
    holder.offer(bundle(5), "file")

    assert holder.offer(bundle(5, tenant()), "push") is Outcome.UNCHANGED

    assert holder.current == bundle(5)


def test_a_refused_document_leaves_what_runs_and_its_reason_is_kept_until_a_good_one() -> None:
    holder = ConfigHolder()
    holder.offer(bundle(5), "file")

    holder.refuse(ConfigError("config: tenants: broken"), "push")

    assert holder.current == bundle(5)
    assert holder.rejection is not None
    assert (holder.rejection.source, holder.rejection.reason) == ("push", "config: tenants: broken")

    holder.offer(bundle(6), "push")
    assert holder.rejection is None


@given(st.lists(st.integers(1, 6), max_size=12))
def test_in_any_order_the_highest_revision_runs_and_listeners_see_it_only_rise(revisions: list[int]) -> None:
    holder = ConfigHolder()
    seen: list[ConfigBundle] = []
    holder.subscribe(seen.append)

    for revision in revisions:
        holder.offer(bundle(revision), "push")

    assert holder.revision == max(revisions, default=0)
    heard = [one.revision for one in seen]
    assert heard == sorted(set(heard))
