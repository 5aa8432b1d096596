"""Which cases of the storage contract are left out."""

import pytest

from tests.conformance import not_ours


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Not collected rather than skipped: nothing is missing that could be there."""
    left_out = [item for item in items if _is_not_ours(item)]
    items[:] = [item for item in items if not _is_not_ours(item)]
    config.hook.pytest_deselected(items=left_out)


def _is_not_ours(item: pytest.Item) -> bool:
    if not isinstance(item, pytest.Function) or item.cls is None or item.cls.__name__ != "TestStorageContract":
        return False
    parameters = item.callspec.params if hasattr(item, "callspec") else {}
    return item.originalname in not_ours.TESTS or parameters.get("scim_filter") in not_ours.FILTERS
