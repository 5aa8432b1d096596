"""The checks of pull requests: their files are what GitHub and GitLab read, and their commands find a mistake."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.checkers.build import CHECKERS
from tests.examples.folders import ROOT
from tests.support.local_mode import SCIM_OPERATOR

GITHUB = ROOT / "examples/ci/github-workflow.yaml"
GITLAB = ROOT / "examples/ci/gitlab-ci.yml"


def github_command() -> str:
    job = yaml.safe_load(GITHUB.read_text())["jobs"]["validate"]
    [command] = [step["run"] for step in job["steps"] if "scim-operator validate" in step.get("run", "")]
    return str(command)


def gitlab_command() -> str:
    job = yaml.safe_load(GITLAB.read_text())["scim-manifests"]
    [command] = [line for line in job["script"] if "scim-operator validate" in line]
    return str(command)


def run(command: str, repository: Path) -> subprocess.CompletedProcess[str]:
    """As both do: by a shell that stops at the first failure, at the root of the repository."""
    environment = {"PATH": f"{SCIM_OPERATOR.parent}:/usr/bin:/bin"}
    return subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", command],
        check=False,
        capture_output=True,
        text=True,
        cwd=repository,
        env=environment,
    )


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "examples/okta", tmp_path / "connections/okta")
    return tmp_path


def misspell(repository: Path) -> int:
    """A role in a mapping; returns the line."""
    file = repository / "connections/okta/rolemapping.yaml"
    lines = file.read_text().splitlines()
    at = lines.index("      roles: [admin]")
    lines[at] = "      roles: [admni]"
    file.write_text("\n".join(lines))
    return at + 1


def test_github_can_read_the_workflow() -> None:
    ended = subprocess.run([CHECKERS.built() / "actionlint", GITHUB], check=False, capture_output=True, text=True)
    assert (ended.returncode, ended.stdout) == (0, "")


def test_the_job_of_gitlab_has_what_a_job_has() -> None:
    for job in yaml.safe_load(GITLAB.read_text()).values():
        assert set(job) == {"image", "rules", "script", "artifacts"}
        assert all(isinstance(line, str) for line in job["script"])


@pytest.mark.parametrize("command", [github_command, gitlab_command])
def test_good_manifests_pass(command: Any, repository: Path) -> None:
    ended = run(command(), repository)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_github_shows_a_mistake_at_its_line(repository: Path) -> None:
    line = misspell(repository)
    ended = run(github_command(), repository)
    assert ended.returncode == 1
    assert ended.stdout.startswith(f"::error file=connections/okta/rolemapping.yaml,line={line}::")
    assert "admni" in ended.stdout


def test_gitlab_keeps_the_mistake(repository: Path) -> None:
    line = misspell(repository)
    ended = run(gitlab_command(), repository)
    assert ended.returncode == 1
    [problem] = json.loads((repository / "problems.json").read_text())["problems"]
    assert (problem["file"], problem["line"]) == ("connections/okta/rolemapping.yaml", line)
    assert "admni" in ended.stdout
