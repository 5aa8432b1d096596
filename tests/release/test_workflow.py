"""The workflow that publishes a release: as far as that goes without GitHub."""

import re
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.checkers.build import CHECKERS
from tests.helm.build import HELM
from tests.release.test_version import VERSION

ROOT = Path(__file__).parents[2]
WORKFLOW = ROOT / ".github/workflows/release.yaml"
TEXT = WORKFLOW.read_text()
JOBS: dict[str, dict[str, Any]] = yaml.safe_load(TEXT)["jobs"]


def step(job: str, name: str) -> dict[str, Any]:
    [found] = [step for step in JOBS[job]["steps"] if step.get("name") == name]
    return dict(found)


def run_step(job: str, name: str, directory: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """As the runner does it."""
    helm = HELM.built()
    return subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", step(job, name)["run"]],
        check=False,
        capture_output=True,
        text=True,
        cwd=directory,
        env={"PATH": f"{helm}:/usr/bin:/bin", "HOME": str(directory), **environment},
    )


def test_github_can_read_it() -> None:
    ended = subprocess.run([CHECKERS.built() / "actionlint", WORKFLOW], check=False, capture_output=True, text=True)
    assert (ended.returncode, ended.stdout) == (0, "")


def test_every_action_is_pinned_by_commit_and_its_version_said() -> None:
    used = [line.strip() for line in TEXT.splitlines() if "uses:" in line]
    assert used
    assert [line for line in used if not re.search(r"uses: [\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line)] == []
    pins = {tuple(line.partition("uses: ")[2].split("@")) for line in used}
    assert len(pins) == len({action for action, _ in pins}), "one action, one commit"


def test_nothing_is_published_before_the_tests_have_passed() -> None:
    assert any(step.get("run") == ".ci/run" for step in JOBS["test"]["steps"])
    for name in ("image", "chart", "files"):
        assert "test" in JOBS[name]["needs"], name


def test_no_job_may_more_than_it_needs() -> None:
    assert yaml.safe_load(TEXT)["permissions"] == {"contents": "read"}
    assert "permissions" not in JOBS["test"]
    writers = {name for name, job in JOBS.items() if job.get("permissions", {}).get("contents") == "write"}
    assert writers == {"files"}
    for job in JOBS.values():
        checkouts = [step for step in job["steps"] if "actions/checkout@" in step.get("uses", "")]
        assert [step["with"]["persist-credentials"] for step in checkouts] == [False]


def test_no_host_of_a_registry_is_named() -> None:
    for address in re.findall(r"[\w-]+(?:\.[\w-]+)*\.(?:io|com|dev|org|net)\b", TEXT):
        assert address == "registry.example.com"


def test_what_is_signed_and_attested_is_named_by_its_digest() -> None:
    for job in JOBS.values():
        for line in "\n".join(step.get("run", "") for step in job["steps"]).splitlines():
            if "cosign sign" in line or "cosign attest" in line:
                assert re.search(r'"\$\S+@\$(DIGEST|digest)"', line), line
    attested = [
        step["with"]
        for job in JOBS.values()
        for step in job["steps"]
        if "attest-build-provenance" in step.get("uses", "")
    ]
    assert len(attested) == 3
    assert all("subject-digest" in what or what == {"subject-path": "dist/*"} for what in attested)
    build = step("image", "Build and push, with SBOM and provenance inside")["with"]
    assert (build["sbom"], build["provenance"]) == (True, "mode=max")


@pytest.mark.parametrize(
    ("tag", "registry", "status", "said"),
    [
        (f"v{VERSION}", "registry.example.com/team", 0, ""),
        ("v99.0.0", "registry.example.com/team", 1, f"the tag is v99.0.0 and pyproject.toml says {VERSION}"),
        (f"v{VERSION}", "", 1, "the variable REGISTRY is empty"),
    ],
)
def test_a_tag_that_is_not_the_version_ends_it(
    tag: str, registry: str, status: int, said: str, tmp_path: Path
) -> None:
    (tmp_path / "tools").mkdir()
    for name in ("pyproject.toml", "tools/version"):
        shutil.copy(ROOT / name, tmp_path / name)
    output = tmp_path / "output"
    ended = run_step(
        "test", "The tag is the version", tmp_path, GITHUB_REF_NAME=tag, REGISTRY=registry, GITHUB_OUTPUT=str(output)
    )
    assert ended.returncode == status, ended.stderr
    assert said in ended.stdout
    assert not output.exists() if status else output.read_text() == f"version={VERSION}\n"


def test_the_chart_of_a_release_takes_its_images(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "charts", tmp_path / "charts")
    name = "Package, with the images of this release as its defaults"
    ended = run_step("chart", name, tmp_path, REGISTRY="registry.example.com/team")
    assert ended.returncode == 0, ended.stderr
    package = tmp_path / f"scim-operator-{VERSION}.tgz"
    with tarfile.open(package) as packed:
        assert not any("/rbac/" in name for name in packed.getnames()), "that is for those who install without it"
    rendered = subprocess.run(
        [HELM.built() / "helm", "template", "scim", package], check=True, capture_output=True, text=True
    ).stdout
    images = set(re.findall(r"image: \"?(\S+?)\"?$", rendered, re.MULTILINE))
    assert {f"registry.example.com/team/scim-{name}:{VERSION}" for name in ("server", "operator")} <= images
    assert all(image.startswith("registry.example.com/team/scim-") for image in images)


def test_the_notes_are_those_of_the_version(tmp_path: Path) -> None:
    (tmp_path / "CHANGELOG.md").write_text(
        "# Changelog\n\n## [Unreleased]\n\n- later\n\n## [1.2.3] - 2026-12-01\n\n- now\n\n## [1.2.2]\n\n- before\n"
    )
    gh = tmp_path / "gh"
    gh.write_text('#!/bin/sh\necho "$*" > called\n')
    gh.chmod(0o755)
    environment = {"VERSION": "1.2.3", "GITHUB_REF_NAME": "v1.2.3", "PATH": f"{tmp_path}:/usr/bin:/bin"}
    ended = run_step("files", "Publish", tmp_path, **environment)
    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "notes").read_text().split() == ["-", "now"]
    assert "release create v1.2.3 --verify-tag" in (tmp_path / "called").read_text()


def test_the_tests_have_the_helm_of_the_release() -> None:
    [setup] = [step for step in JOBS["chart"]["steps"] if "setup-helm" in step.get("uses", "")]
    assert f"helm.sh/helm/v4 {setup['with']['version']} " in (ROOT / "tests/helm/go.mod").read_text()
