"""The tutorial, docs/tutorial/first-hour.md, followed from its tokens to the user who leaves."""

import json
from typing import Any

from tests.e2e.installation import Installation
from tests.e2e.page import Page
from tests.e2e.provider import EFFECTIVE

ON_NODES = r"helm |kubectl -n scim-system|kubectl get crds|kubectl create namespace"


def effective(answer: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(answer)[EFFECTIVE]
    return found


def roles(answer: str) -> set[str]:
    return {role["value"] for role in effective(answer)["roles"]}


def test_the_first_hour(installation: Installation, namespace: str) -> None:
    page = Page("tutorial/first-hour.md", installation, namespace)
    page.follow("2. Make tokens", leave_out=ON_NODES)
    page.follow("3. Declare the connection")
    (empty,) = page.follow("4. Reach the server", leave_out=ON_NODES)
    assert json.loads(empty)["totalResults"] == 0
    (group,) = page.follow("5. Play the provider")
    assert json.loads(group)["displayName"] == "Engineering"
    (ada,) = page.follow("6. Read as the application")
    assert roles(ada) == {"developer", "viewer"}
    reasons = {role["value"]: role["reasons"][0] for role in effective(ada)["roles"]}
    assert reasons["developer"] == {
        "mapping": f"{namespace}/okta-roles",
        "rule": "developers",
        "group": "Engineering",
    }
    assert reasons["viewer"] == {"source": "base"}

    *_, ada = page.follow("7. Change the mapping")
    assert roles(ada) == {"developer", "responder", "viewer"}
    *_, message, ada, _ = page.follow("8. Make a mistake")
    assert "did you mean developer?" in message
    assert roles(ada) == {"developer", "responder", "viewer"}
    *_, ada = page.follow("9. Let somebody leave")
    assert effective(ada)["state"] == "blocked"
    assert effective(ada)["roles"] == []
