"""Where changes of documents are worked out: what takes long beside the event loop."""

import asyncio
import threading
from contextlib import suppress
from typing import Any

import pytest

from scim_server.directory import patching
from scim_server.scim.errors import InvalidValue
from scim_server.scim.normalise import normalise_patch
from scim_server.scim.patch import apply_to_document
from scim_server.scim.resource_types import USER_TYPE

LARGE = {"userName": "ada", "roles": [{"value": f"r{number}"} for number in range(1000)]}
SMALL = {"userName": "ada", "emails": [{"value": f"{kind}@acme", "type": kind} for kind in ("work", "home")]}
ENTRA = [
    {"op": "replace", "path": 'emails[type eq "work"].value', "value": "new@acme"},
    {"op": "add", "path": "title", "value": "x"},
]


async def _threads(monkeypatch: pytest.MonkeyPatch, document: dict[str, Any], operations: list[Any]) -> set[int]:
    """Those in which the operations were applied."""
    seen: set[int] = set()

    def applied(*arguments: Any, **named: Any) -> Any:
        seen.add(threading.get_ident())
        return apply_to_document(*arguments, **named)

    monkeypatch.setattr(patching, "apply_to_document", applied)
    parsed = normalise_patch({"Operations": operations}, USER_TYPE)
    with suppress(InvalidValue):  # too much work is refused in the same place
        await patching.patched(asyncio.to_thread, document, parsed, USER_TYPE, strict=False)
    return seen


async def test_usual_changes_are_made_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    assert await _threads(monkeypatch, SMALL, ENTRA) == {threading.get_ident()}
    assert await _threads(monkeypatch, LARGE, ENTRA) == {threading.get_ident()}


@pytest.mark.parametrize(
    ("document", "operations"),
    [
        (LARGE, [{"op": "remove", "path": f'roles[value eq "r{number}"]'} for number in range(100)]),
        (LARGE, [{"op": "remove", "path": "roles[" + " or ".join(['value eq "x"'] * 100) + "]"}]),
        (SMALL, [{"op": "add", "path": "emails", "value": [{"value": f"{n}"}]} for n in range(300)]),
        (SMALL, [{"op": "add", "path": f'emails[type eq "{n}"].value', "value": "x"} for n in range(300)]),
        (SMALL, [{"op": "add", "path": "emails", "value": [{"value": f"{n}"} for n in range(6000)]}]),
    ],
    ids=["many selections", "many terms", "many additions", "many creations", "many elements"],
)
async def test_what_takes_long_is_done_in_a_thread(
    monkeypatch: pytest.MonkeyPatch, document: dict[str, Any], operations: list[Any]
) -> None:
    threads = await _threads(monkeypatch, document, operations)
    assert len(threads) == 1
    assert threading.get_ident() not in threads
