"""Bytes that tenants share."""

from scim_server.limits.byte_budget import ByteBudget


def test_no_key_gets_all_bytes() -> None:
    budget = ByteBudget(10)
    assert budget.take("a", 5)
    assert not budget.take("a", 1)
    assert budget.take("b", 4)
    assert not budget.take("c", 2)
    assert budget.take("c", 1)
    budget.give_back("a", 5)
    assert budget.take("c", 4)
    assert budget.taken == 9
