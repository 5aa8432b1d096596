"""What is remembered of what clients ask to be shown."""

import tracemalloc

from scim_server.directory.projections import Projections
from scim_server.scim.resource_types import user_resource_type

USER = user_resource_type(())
LIMIT = 1 << 20


def _of(projections: Projections, tenant: str, *names: str) -> object:
    return projections.of(tenant, USER, names, (), ())


def test_one_tenant_neither_fills_nor_empties_anothers() -> None:
    projections = Projections(LIMIT)
    others = [_of(projections, "held/idp", f"name{number}") for number in range(20)]
    tracemalloc.start()
    try:
        for number in range(1000):
            _of(projections, "evil/corp", f"{number}" + "x" * 16_000)
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert taken < 1.5 * LIMIT
    assert [_of(projections, "held/idp", f"name{number}") for number in range(20)] == others


def test_many_short_ones_take_no_more_than_is_counted() -> None:
    projections = Projections(LIMIT)
    tracemalloc.start()
    try:
        for number in range(2000):
            _of(projections, "evil/corp", "userName", "emails.value", "name.givenName", f"{number}")
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert taken < 1.5 * LIMIT
