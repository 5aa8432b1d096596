"""Scenarios: what a provider sends, step by step, and what must be there afterwards.

A JSON file per scenario:

    {"about": "…",
     "headers": {…},                               sent with every request
     "steps": [{"name": "…",
                "request": {"method": "POST", "path": "/Users", "body": {…}},
                "expect": {"status": 201, "body": {…}},
                "save": {"ada": "id"}}],           values of the answer, used below as ${ada}
     "state": {"users": {"ada@acme.com": {…}},     the effective extension, as an application reads it
               "groups": {"Staff": ["ada@acme.com"]}}}

An expected object names what must be there and may leave out the rest; `null` means absent; lists are whole.
"""

import json
from pathlib import Path
from string import Template
from typing import Any

import httpx

from tests.support.serving import effective_of


def scenarios(folder: Path) -> list[Path]:
    return sorted(folder.glob("*/*.json"))


def read(scenario: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(scenario.read_text())
    return document


async def play(document: dict[str, Any], provider: httpx.AsyncClient, application: httpx.AsyncClient) -> None:
    """Send every request, check every answer, then the state."""
    saved: dict[str, str] = {}
    provider.headers.update(document["headers"])
    for step in document["steps"]:
        answer = await _send(provider, _filled(step["request"], saved))
        _check(step, answer, saved)
        for name, place in step.get("save", {}).items():
            saved[name] = _at(answer.json(), place)
    for user_name, expected in document["state"]["users"].items():
        effective = await effective_of(application, user_name)
        flat = {**effective, "roles": [role["value"] for role in effective["roles"]]}
        assert_holds(flat, expected, f"state of {user_name}")
    groups = (await application.get("/Groups")).json()["Resources"]
    users = (await application.get("/Users")).json()["Resources"]
    names = {user["id"]: user["userName"] for user in users}
    actual = {group["displayName"]: sorted(names[member["value"]] for member in group["members"]) for group in groups}
    assert actual == document["state"]["groups"]


def assert_holds(actual: Any, expected: Any, where: str) -> None:
    if isinstance(expected, dict):
        assert isinstance(actual, dict), f"{where}: {actual!r}"
        for name, value in expected.items():
            if value is None:
                assert name not in actual, f"{where}.{name}: {actual.get(name)!r}"
            else:
                assert name in actual, f"{where}.{name} is missing in {actual}"
                assert_holds(actual[name], value, f"{where}.{name}")
    elif isinstance(expected, list):
        assert isinstance(actual, list), f"{where}: {actual!r}"
        assert len(actual) == len(expected), f"{where}: {actual!r}"
        for index, value in enumerate(expected):
            assert_holds(actual[index], value, f"{where}[{index}]")
    else:
        assert actual == expected, f"{where}: {actual!r}"


async def _send(provider: httpx.AsyncClient, request: dict[str, Any]) -> httpx.Response:
    content = json.dumps(request["body"]) if "body" in request else None
    headers = {"Content-Type": "application/scim+json; charset=utf-8"} if content else {}
    # The path as it is, not as httpx would encode it.
    url = httpx.URL(str(provider.base_url).rstrip("/") + request["path"])
    return await provider.request(request["method"], url, content=content, headers=headers)


def _check(step: dict[str, Any], answer: httpx.Response, saved: dict[str, str]) -> None:
    where, expect = step["name"], _filled(step["expect"], saved)
    assert answer.status_code == expect["status"], f"{where}: {answer.status_code} {answer.text}"
    if answer.content:
        assert answer.headers["content-type"].startswith("application/scim+json"), where
    if "body" in expect:
        assert_holds(answer.json(), expect["body"], where)


def _filled(value: Any, saved: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {_filled(name, saved): _filled(inner, saved) for name, inner in value.items()}
    if isinstance(value, list):
        return [_filled(inner, saved) for inner in value]
    return Template(value).safe_substitute(saved) if isinstance(value, str) else value


def _at(document: Any, place: str) -> str:
    for step in place.split("."):
        document = document[step]
    return str(document)
