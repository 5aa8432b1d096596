"""Fenced blocks of the documentation, and what becomes of each: which test runs it, or why none can here.

Every command and every YAML block of `docs/` and of the pages beside it is found in one of the tables.
`test_every_block.py` fails for one that is in none, and for a line of a table that no block needs any more.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
_OUTSIDE = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "charts/scim-operator/README.md", "examples/README.md")
PAGES = [*(ROOT / name for name in _OUTSIDE), *sorted((ROOT / "docs").rglob("*.md"))]

SHOWN_ONLY = frozenset(("json", "text", "mermaid"))
"""Languages of what is shown and not run: answers, output, pictures."""

OF_PROXIES = frozenset(("nginx", "haproxy"))
"""Languages of configurations that tests/proxies runs."""


@dataclass(frozen=True, slots=True)
class Block:
    page: str
    language: str
    text: str

    @property
    def commands(self) -> list[str]:
        """The lines `$ command`, with those that go on behind a backslash, without the remark behind two spaces."""
        text = re.sub(r" *\\\n *", " ", self.text)
        lines = [line.removeprefix("$ ") for line in text.splitlines() if line.startswith("$ ")]
        return [line.partition("  #")[0].rstrip() for line in lines]


def blocks() -> Iterator[Block]:
    for page in PAGES:
        for indent, language, text in re.findall(
            r"^( *)```(\S*)[^\n]*\n(.*?)^\1```$", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
        ):
            unindented = re.sub(rf"^{indent}", "", text, flags=re.MULTILINE)
            yield Block(str(page.relative_to(ROOT)), language, unindented)


@dataclass(frozen=True, slots=True)
class Rule:
    """Of the pages that `page` matches, the commands (or YAML blocks) that begin with a match of `begins`."""

    page: str
    begins: str
    what: str
    """The file of the test that runs them, or the reason why none does."""

    def holds(self, page: str, text: str) -> bool:
        return re.fullmatch(self.page, page) is not None and re.match(self.begins, text) is not None


_ANY = r".*"

RUN = (
    Rule(_ANY, r"make\b", "tests/docs/test_commands.py"),
    Rule(_ANY, r"\.venv/bin/(scim-operator|python -m pytest) ", "tests/docs/test_commands.py"),
    Rule(r"README\.md", r"(cp|sed) ", "tests/docs/test_commands.py"),
    Rule(r"docs/how-to/back-up-and-restore\.md", r"", "tests/docs/test_backup.py"),
    Rule(r"docs/how-to/read-users-and-roles\.md", r"", "tests/docs/test_read_users_and_roles.py"),
    Rule(
        r"docs/how-to/use-roles-in-an-application\.md",
        r"(export SCIM_URL=|(python3|node|go run -C) examples/consumers/)",
        "tests/examples/test_consumers.py",
    ),
    Rule(r"docs/reference/sync-log\.md", r"", "tests/scim_operator/cli/test_log.py"),
    Rule(r"docs/how-to/kustomize\.md", r"kubectl kustomize ", "tests/docs/test_kustomize.py"),
    Rule(r"docs/how-to/(connect-a-provider|rotate-a-token)\.md", r"", "tests/e2e/test_connect_page.py"),
    Rule(r"docs/how-to/providers/.*\.md", r"", "tests/e2e/test_provider_pages.py"),
    Rule(
        r"docs/how-to/(debug-a-missing-role|change-a-mapping-safely|run-the-operator)\.md",
        r"kubectl (-n acme|get)|[A-Z]+=|curl ",
        "tests/e2e/test_provider_pages.py",
    ),
    Rule(r"docs/how-to/(upgrade|run-the-operator)\.md", r"kubectl apply -f", "tests/e2e/installation.py"),
    Rule(
        r"docs/tutorial/first-hour\.md",
        r"(kubectl (-n acme|get prov)|[A-Z]+=|curl |openssl )",
        "tests/e2e/test_tutorial.py",
    ),
    Rule(r"docs/how-to/upgrade\.md", r"kubectl get ", "tests/e2e/test_provider_pages.py"),
    Rule(
        r"docs/how-to/kubectl-scim\.md",
        r"kubectl scim (status|token|probe okta|--help)",
        "tests/kubectl_scim/test_in_a_cluster.py",
    ),
    Rule(r"docs/how-to/gitops\.md", r"kubectl patch configmap argocd-cm ", "tests/examples/test_other_kinds.py"),
    Rule(r"docs/explanation/roles\.md", r"kubectl get rolemapping -o wide", "tests/control_plane/test_crds.py"),
    Rule(r"docs/explanation/roles\.md", r"kubectl scim status", "tests/kubectl_scim/test_in_a_cluster.py"),
    Rule(r"docs/how-to/kubectl-scim\.md", r"kubectl scim probe https", "tests/kubectl_scim/test_probe.py"),
    Rule(r"docs/how-to/run-the-operator\.md", r"openssl ", "tests/scim_operator/delivery/test_tls.py"),
    Rule(r"docs/how-to/move-to-postgresql\.md", r"scim-server copy ", "tests/docs/test_move_to_postgresql.py"),
)
"""Commands, and the tests that run them."""

NOT_RUN = (
    Rule(
        r"SECURITY\.md", r"cosign ", "needs a release and its registry; tests/release holds the workflow that signs"
    ),
    Rule(
        r"(docs/(tutorial/first-hour|how-to/install|how-to/upgrade)|charts/scim-operator/README)\.md",
        r"helm |kubectl (-n scim-system|get crds|delete (customresourcedefinition|namespace scim-system))",
        "needs nodes, and images in a registry; `make e2e` installs, tests and uninstalls the chart on a node",
    ),
    Rule(
        r"docs/tutorial/first-hour\.md",
        r"kubectl (create|delete) namespace ",
        "test_tutorial.py has a namespace of its own, which nothing deletes without a controller",
    ),
    Rule(
        r"docs/how-to/kubectl-scim\.md",
        r"pipx install ",
        "there is no release yet; the tests install this checkout",
    ),
    Rule(
        r"docs/how-to/kustomize\.md",
        r"kubectl apply -k",
        "what is built is validated by test_kustomize.py; applied, it would only need its namespace",
    ),
    Rule(
        r"docs/how-to/change-a-mapping-safely\.md",
        r"kubectl diff ",
        "ends with status 1 where there are differences, and with 2 where the namespace isn't there yet",
    ),
    Rule(
        r"docs/how-to/run-the-operator\.md",
        r"kubectl -n scim-system create secret",
        "takes files that test_tls.py makes by the commands before it",
    ),
    Rule(
        r"docs/how-to/run-the-operator\.md",
        r"scim-(server|operator run) ",
        "names files and hosts of a cluster; tests/e2e starts both programs with these options",
    ),
    Rule(
        r"docs/how-to/move-to-postgresql\.md",
        r"kubectl ",
        "needs a node with the chart and CloudNativePG; what its Job runs is run by test_move_to_postgresql.py",
    ),
)
"""Commands that can't be run here, and why."""

YAML_NOT_CHECKED = (
    Rule(
        r"docs/how-to/postgresql\.md",
        r"apiVersion: postgresql\.cnpg\.io|# in the spec of the Cluster",
        "of CloudNativePG, against whose definition tests/examples holds another manifest; test_move_to_postgresql.py"
        " compares the names in the blocks",
    ),
    Rule(
        r"docs/how-to/kustomize\.md",
        r"components:",
        "of a kustomization; test_kustomize.py builds one with it",
    ),
    Rule(
        r"docs/how-to/local-mode\.md",
        r"- run: ",
        "a step of a GitHub workflow; test_validate.py runs its command",
    ),
    Rule(
        r"docs/how-to/local-mode\.md",
        r"repos:",
        "pre-commit would clone it; test_validate.py plays it",
    ),
)
"""YAML blocks that are neither manifests nor parts of one, and why they aren't checked."""
