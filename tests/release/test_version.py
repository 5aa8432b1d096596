"""One version: it stands in pyproject.toml, and whatever else names it says the same."""

import json
import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

from tests.support.warm_programs import run_program

ROOT = Path(__file__).parents[2]
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
REPEATED = (
    "pyproject.toml",
    "charts/scim-operator/Chart.yaml",
    "examples/gitops/argocd/applications.yaml",
    "examples/gitops/flux/installation.yaml",
)


def test_the_chart_and_the_images_that_it_takes() -> None:
    chart = yaml.safe_load((ROOT / "charts/scim-operator/Chart.yaml").read_text())
    assert (chart["version"], chart["appVersion"]) == (VERSION, VERSION)


def test_the_examples_take_this_chart() -> None:
    [application, _] = yaml.safe_load_all((ROOT / "examples/gitops/argocd/applications.yaml").read_text())
    assert application["spec"]["source"]["targetRevision"] == VERSION
    [repository, _] = yaml.safe_load_all((ROOT / "examples/gitops/flux/installation.yaml").read_text())
    assert repository["spec"]["ref"]["semver"] == f"{VERSION.rpartition('.')[0]}.x"


@pytest.mark.parametrize("program", ["scim-server", "scim-operator", "kubectl-scim"])
def test_the_programs(program: str) -> None:
    assert run_program(program, "--version").stdout == f"{program} {VERSION}\n"


@pytest.mark.parametrize("name", ["openapi", "management.openapi"])
def test_the_openapi_documents(name: str) -> None:
    assert json.loads((ROOT / f"docs/reference/{name}.json").read_text())["info"]["version"] == VERSION


def test_the_labels_of_the_images(tmp_path: Path) -> None:
    """With a stand-in for Docker, which notes how it is called."""
    docker = tmp_path / "docker"
    docker.write_text(f'#!/bin/sh\necho "$*" >> {tmp_path}/calls\n')
    docker.chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    subprocess.run([ROOT / "tools/images"], check=True, env=environment, capture_output=True)
    builds = [line for line in (tmp_path / "calls").read_text().splitlines() if line.startswith("build ")]
    assert [f"--build-arg VERSION={VERSION}" in line for line in builds] == [True, True]
    labels = re.findall(r'org\.opencontainers\.image\.version="(.*?)"', (ROOT / "Dockerfile").read_text())
    assert labels == ["${VERSION}", "${VERSION}"]


def test_it_is_set_everywhere_by_one_command(tmp_path: Path) -> None:
    for name in (*REPEATED, "tools/version"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    tool = tmp_path / "tools/version"
    assert subprocess.run([tool], check=True, capture_output=True, text=True).stdout == f"{VERSION}\n"

    subprocess.run([tool, "7.8.9"], check=True)

    assert subprocess.run([tool], check=True, capture_output=True, text=True).stdout == "7.8.9\n"
    for name in REPEATED:
        before, after = (ROOT / name).read_text().splitlines(), (tmp_path / name).read_text().splitlines()
        changed = [now for was, now in zip(before, after, strict=True) if was != now]
        assert len(changed) == (2 if name.endswith("Chart.yaml") else 1), name
        assert all("7.8." in line for line in changed)

    wrong = subprocess.run([tool, "v7.8"], check=False, capture_output=True, text=True)
    assert (wrong.returncode, wrong.stderr) == (2, "tools/version: a version such as 1.2.3 is expected, found v7.8\n")
