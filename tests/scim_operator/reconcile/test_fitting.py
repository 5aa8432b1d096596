from hypothesis import given
from hypothesis import strategies as st

from scim_operator.api import ObjectKey
from scim_operator.reconcile.document import Delivered
from scim_operator.reconcile.fitting import longest_fitting
from scim_server.config import Tenant


def part(display_name: str) -> Delivered:
    return Delivered(Tenant(namespace="acme", name="okta", display_name=display_name), {})


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 9))), st.integers(0, 60))
def test_as_many_steps_as_fit_are_made_and_the_last_of_each_tenant_counts(
    sizes: list[tuple[str, int]], limit: int
) -> None:
    steps = [(ObjectKey("acme", name), part(str(index))) for index, (name, _) in enumerate(sizes)]

    def fits(count: int) -> bool:
        return sum(size for _, size in sizes[:count]) <= limit

    found = longest_fitting(steps, fits)

    longest = max(count for count in range(len(steps) + 1) if fits(count))
    assert found == dict(steps[:longest])


def test_where_all_fits_one_question_is_enough() -> None:
    asked: list[int] = []

    def fits(count: int) -> bool:
        asked.append(count)
        return True

    steps = [(ObjectKey("acme", str(number)), part("")) for number in range(100)]
    assert longest_fitting(steps, fits) == dict(steps)
    assert asked == [100]
