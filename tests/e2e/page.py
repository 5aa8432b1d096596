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
        self._names: set[str] = set()
        self._variables = ""
        """Their declarations, as bash prints them."""

    def follow(self, heading: str, *, leave_out: str = "(?!)") -> list[str]:
        """Apply the section's manifests and run its commands, in order. What each command prints.

        Commands that set a variable print nothing, and are in force for later sections. Those that match `leave_out`
        are for a cluster with nodes.
        """
        printed: list[str] = []
        for language, block in self._blocks(heading):
            if language == "yaml":
                here = block.replace("namespace: acme", f"namespace: {self.namespace}")
                self._installation.cluster.apply(*yaml.safe_load_all(here))
            else:
                printed += self._run(block, leave_out)
        return printed

    def _blocks(self, heading: str) -> Iterator[tuple[str, str]]:
        (section,) = re.findall(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", self._text, re.DOTALL | re.MULTILINE)
        yield from re.findall(r"```(console|yaml)\n(.*?)```", section, re.DOTALL)

    def _run(self, block: str, leave_out: str) -> list[str]:
        commands = [line.removeprefix("$ ") for line in block.splitlines() if line.startswith("$ ")]
        commands = [self._here(command) for command in commands if not re.match(leave_out, command)]
        setting = [re.match("([A-Z]+)=", command) for command in commands]
        self._names |= {found[1] for found in setting if found}
        script = "".join(f"{command}\nprintf '\\036'\n" for command in commands)
        script += f"declare -p {' '.join(sorted(self._names))}" if self._names else ""
        *printed, self._variables = self._installation.cluster.shell(f"{self._variables}\n{script}").split("\036")
        return [text for text, found in zip(printed, setting, strict=True) if found is None]

    def _here(self, command: str) -> str:
        command = command.replace("-n acme ", f"-n {self.namespace} ")
        return re.sub(
            r"(https://scim\.acme\.example|http://127\.0\.0\.1:8080)/acme/", f"{self._url}/{self.namespace}/", command
        )
