"""A page of the documentation, followed step by step in a namespace of the test."""

import re
from collections.abc import Iterator
from pathlib import Path

import yaml

from tests.e2e.installation import Installation

DOCS = Path(__file__).parents[2] / "docs"


class Page:
    """Its sections, by heading, in a namespace instead of `acme` and at a server of the test."""

    def __init__(self, path: str, installation: Installation, namespace: str) -> None:
        self._text = (DOCS / path).read_text(encoding="utf-8")
        self._installation = installation
        self._url = installation.servers[0].url
        self.namespace = namespace
        self._variables: list[str] = []

    def follow(self, heading: str) -> list[str]:
        """Apply the section's manifests and run its commands, in order. What each command prints.

        Commands that set a variable print nothing, and are in force for later sections.
        """
        printed: list[str] = []
        for language, block in self._blocks(heading):
            if language == "yaml":
                here = block.replace("namespace: acme", f"namespace: {self.namespace}")
                self._installation.cluster.apply(*yaml.safe_load_all(here))
            else:
                printed += self._run(block)
        return printed

    def _blocks(self, heading: str) -> Iterator[tuple[str, str]]:
        (section,) = re.findall(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", self._text, re.DOTALL | re.MULTILINE)
        yield from re.findall(r"```(console|yaml)\n(.*?)```", section, re.DOTALL)

    def _run(self, block: str) -> list[str]:
        commands = [self._here(line[2:]) for line in block.splitlines() if line.startswith("$ ")]
        script = "".join(f"{command}\nprintf '\\036'\n" for command in commands)
        printed = self._installation.cluster.shell("\n".join([*self._variables, script])).split("\036")[:-1]
        self._variables += [command for command in commands if re.match("[A-Z]+=", command)]
        return [text for text, command in zip(printed, commands, strict=True) if command not in self._variables]

    def _here(self, command: str) -> str:
        command = command.replace("-n acme ", f"-n {self.namespace} ")
        return command.replace("https://scim.acme.example/acme/", f"{self._url}/{self.namespace}/")
