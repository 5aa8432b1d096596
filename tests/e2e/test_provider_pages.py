"""The page of each provider, and those on roles: manifests applied and commands run, with a user and a group."""

import json

import pytest

from tests.e2e.installation import Installation
from tests.e2e.page import DOCS, Page
from tests.e2e.provider import EFFECTIVE

PROVIDERS = sorted(path.stem for path in (DOCS / "how-to" / "providers").glob("*.md"))


def test_there_is_a_page_for_each_provider_of_the_readme() -> None:
    assert len(PROVIDERS) == 8


@pytest.mark.parametrize("name", PROVIDERS)
def test_the_page_declares_a_connection_that_gives_the_role(
    name: str, installation: Installation, namespace: str
) -> None:
    page = Page(f"how-to/providers/{name}.md", installation, namespace)
    *_, token = page.follow("1. Declare the connection")
    mapping = installation.reader.get("rolemappings", namespace, f"{name}-roles")
    assert mapping is not None
    (selector,) = mapping["spec"]["rules"][0]["groups"]

    provider = installation.tenant(namespace, name).provider(token=token.strip())
    ada = provider.create_user("ada@acme.example")
    provider.create_group(selector.get("displayName", "Engineering"), ada, external_id=selector.get("externalId"))
    table, unmatched = page.follow("Check")
    assert "LAST CONTACT" in table
    assert unmatched == ""
    assert provider.roles(ada) == {"developer", "viewer"}

    if name == "okta":
        _debug_a_missing_role(installation, namespace)
        _change_a_mapping(installation, namespace)
        Page("how-to/upgrade.md", installation, namespace).follow("Check")
        Page("how-to/run-the-operator.md", installation, namespace).follow("6. What a status says")


def _debug_a_missing_role(installation: Installation, namespace: str) -> None:
    page = Page("how-to/debug-a-missing-role.md", installation, namespace)
    (answer,) = page.follow("1. What is here of the user")
    (ada,) = json.loads(answer)["Resources"]
    assert {role["value"] for role in ada[EFFECTIVE]["roles"]} == {"developer", "viewer"}
    assert [group["display"] for group in ada["groups"]] == ["Engineering"]
    (answer,) = page.follow("2. Is the group here, and who is in it?")
    (group,) = json.loads(answer)["Resources"]
    assert [member["value"] for member in group["members"]] == [ada["id"]]
    table, conditions, unmatched = page.follow("3. Does a rule name it, and is the rule in effect?")
    assert "okta-roles" in table
    assert "Accepted True" in conditions
    assert unmatched == ""


def _change_a_mapping(installation: Installation, namespace: str) -> None:
    page = Page("how-to/change-a-mapping-safely.md", installation, namespace)
    page.follow("The brake")
    page.follow("After")
