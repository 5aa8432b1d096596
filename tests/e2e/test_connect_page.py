"""The page on connecting a provider: its manifest applied and its commands run, in a namespace of the test."""

import json
import re
from pathlib import Path
from typing import Any

import yaml

from tests.e2e.installation import Installation

PAGE = (Path(__file__).parents[2] / "docs/how-to/connect-a-provider.md").read_text(encoding="utf-8")


class Page:
    """Its sections, by heading, in a namespace instead of `acme` and at a server of the test."""

    def __init__(self, installation: Installation, namespace: str) -> None:
        self._installation = installation
        self._url = installation.servers[0].url
        self.namespace = namespace
        self._variables: list[str] = []

    def manifest(self) -> Any:
        (block,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
        return yaml.safe_load(block.replace("namespace: acme", f"namespace: {self.namespace}"))

    def run(self, heading: str) -> list[str]:
        """What each command of the section prints."""
        (section,) = re.findall(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE)
        blocks = re.findall(r"```console\n(.*?)```", section, re.DOTALL)
        commands = [line.removeprefix("$ ") for block in blocks for line in block.splitlines()]
        commands = [self._here(command) for command in commands]
        script = "".join(f"{command}\nprintf '\\036'\n" for command in commands)
        printed = self._installation.cluster.shell("\n".join([*self._variables, script])).split("\036")[:-1]
        self._variables += [command for command in commands if re.match("[A-Z]+=", command)]
        return [text for text, command in zip(printed, commands, strict=True) if command not in self._variables]

    def _here(self, command: str) -> str:
        command = command.replace("-n acme ", f"-n {self.namespace} ")
        return command.replace("https://scim.acme.example/acme/", f"{self._url}/{self.namespace}/")

    def last_used(self) -> dict[str, str | None]:
        found = self._installation.reader.get("provisioningconfigs", self.namespace, "okta")
        assert found is not None
        return {item["name"]: item.get("lastUsedTime") for item in found["status"]["credentials"]}


def test_the_commands_connect_check_and_rotate(installation: Installation, namespace: str) -> None:
    page = Page(installation, namespace)
    page.run("1. A token")
    installation.cluster.apply(page.manifest())
    page.run("2. The connection")
    (old,) = page.run("3. What the provider is given")
    features, users = (json.loads(answer) for answer in page.run("Check it"))
    assert features["patch"]["supported"]
    assert users["totalResults"] == 0

    installation.wait_until(lambda: page.last_used()["okta-2026-11"] is not None, "a use in the status")
    table, uses = page.run("Is it connected?")
    assert "LAST CONTACT" in table
    assert uses == f"okta-2026-11 {page.last_used()['okta-2026-11']}\n"

    *_, answer, between, removed, deleted = page.run("Rotate a token")
    assert json.loads(answer)["totalResults"] == 0
    assert [line.partition(" ")[0] for line in between.splitlines()] == ["okta-2026-11", "okta-2027-05"]
    assert ("patched" in removed, "deleted" in deleted) == (True, True)
    installation.wait_for("provisioningconfigs", namespace, "okta", "Ready", "True")
    assert page.last_used().keys() == {"okta-2027-05"}
    installation.wait_answer(
        installation.tenant(namespace).provider(token=old.strip()), 401, "the old token has ended"
    )
