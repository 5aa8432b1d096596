"""The pages on connecting a provider and on rotating its token: manifest applied, commands run as shown."""

import json

from tests.e2e.installation import Installation
from tests.e2e.page import Page


def last_used(installation: Installation, namespace: str) -> dict[str, str | None]:
    found = installation.reader.get("provisioningconfigs", namespace, "okta")
    assert found is not None
    return {item["name"]: item.get("lastUsedTime") for item in found["status"]["credentials"]}


def test_the_commands_connect_check_and_rotate(installation: Installation, namespace: str) -> None:
    page = Page("how-to/connect-a-provider.md", installation, namespace)
    page.follow("1. A token")
    page.follow("2. The connection")
    (old,) = page.follow("3. What the provider is given")
    features, users = (json.loads(answer) for answer in page.follow("Check it"))
    assert features["patch"]["supported"]
    assert users["totalResults"] == 0

    installation.wait_until(
        lambda: last_used(installation, namespace)["okta-2026-11"] is not None, "a use in the status"
    )
    table, uses = page.follow("Is it connected?")
    assert "LAST CONTACT" in table
    assert uses == f"okta-2026-11 {last_used(installation, namespace)['okta-2026-11']}\n"

    page = Page("how-to/rotate-a-token.md", installation, namespace)
    *_, answer = page.follow("1. Declare the new one beside the old one")
    assert json.loads(answer)["totalResults"] == 0
    (between,) = page.follow("2. Enter it at the provider")
    assert [line.partition(" ")[0] for line in between.splitlines()] == ["okta-2026-11", "okta-2027-05"]
    removed, deleted = page.follow("3. Remove the old one")
    assert ("patched" in removed, "deleted" in deleted) == (True, True)
    installation.wait_for("provisioningconfigs", namespace, "okta", "Ready", "True")
    assert last_used(installation, namespace).keys() == {"okta-2027-05"}
    installation.wait_answer(
        installation.tenant(namespace).provider(token=old.strip()), 401, "the old token has ended"
    )
