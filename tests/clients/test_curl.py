"""`curl --http2`, which offers h2c on http://, with the server itself and behind nginx."""

import json
import subprocess
from typing import Any

import pytest

from tests.clients.conftest import OKTA
from tests.support.debian import program
from tests.support.serving import PATCH_OP

pytestmark = pytest.mark.xdist_group("clients")  # whose tests share what takes long to make


def _curl(url: str, *requests: tuple[str, str, Any]) -> list[tuple[int, Any]]:
    """Status and body of each (method, path, body), all sent on one connection where the server keeps it."""
    argv: list[str] = [str(program("curl"))]
    for number, (method, path, body) in enumerate(requests):
        argv += ["--next"] if number else []
        argv += [
            "--silent",
            "--show-error",
            "--http2",
            "--max-time",
            "60",
            "--request",
            method,
            url + OKTA.path + path,
        ]
        argv += ["--header", f"Authorization: Bearer {OKTA.token('provision')}", "--write-out", "\n%{http_code}\n"]
        if body is not None:
            argv += ["--header", "Content-Type: application/scim+json", "--data-binary", json.dumps(body)]
    done = subprocess.run(argv, check=True, capture_output=True, text=True, timeout=120)
    lines = done.stdout.splitlines()
    return [
        (int(status), json.loads(body) if body else None) for body, status in zip(*[iter(lines)] * 2, strict=True)
    ]


def _one(url: str, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    (answer,) = _curl(url, (method, path, body))
    return answer


@pytest.mark.parametrize("way", ["server", "nginx"])
def test_users_and_groups_with_an_offer_of_h2c(request: pytest.FixtureRequest, way: str) -> None:
    url: str = request.getfixturevalue(way).url
    status, user = _one(url, "POST", "/Users", {"userName": "ada", "title": "x" * 40_000})
    assert status == 201
    status, group = _one(url, "POST", "/Groups", {"displayName": "App Admins", "members": [{"value": user["id"]}]})
    assert status == 201
    rename = {"schemas": [PATCH_OP], "Operations": [{"op": "replace", "path": "title", "value": "Countess"}]}
    leave = {"schemas": [PATCH_OP], "Operations": [{"op": "remove", "path": "members"}]}
    at_user, at_group = f"/Users/{user['id']}", f"/Groups/{group['id']}"
    answers = _curl(
        url,
        ("GET", "/Users?filter=userName%20eq%20%22ada%22", None),
        ("PATCH", at_user, rename),
        ("PUT", at_user, {"userName": "ada.lovelace"}),
        ("GET", at_user, None),
        ("PATCH", at_group, leave),
        ("PUT", at_group, {"displayName": "Admins"}),
        ("GET", at_group, None),
        ("DELETE", at_group, None),
        ("DELETE", at_user, None),
        ("GET", at_user, None),
    )
    assert [status for status, _ in answers] == [200, 200, 200, 200, 204, 200, 200, 204, 204, 404]
    bodies = [body for _, body in answers]
    assert bodies[0]["totalResults"] == 1
    assert bodies[1]["title"] == "Countess"
    assert bodies[3]["userName"] == "ada.lovelace"
    assert bodies[6]["displayName"] == "Admins"
    assert "members" not in bodies[6] or bodies[6]["members"] == []
