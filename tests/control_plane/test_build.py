"""Building the control plane's programs, with a stand-in for the compiler: the real build takes minutes."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.control_plane.build import CONTROL_PLANE
from tests.support.go_programs import GoBuildError, find_go

GO = """#!/bin/sh
if [ "$1" = env ]; then
  printf '%s\\nlinux\\namd64\\n' "$GO_VERSION"
  exit
fi
while [ "$1" != -o ]; do shift; done
echo "$2" >> "$GO_BUILDS"
if [ "${2##*/}" = "$GO_FAILS_AT" ]; then
  echo "undefined: clock"
  exit 1
fi
sleep 0.1
touch "$2"
"""


@pytest.fixture
def builds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file with one line for each run of the compiler; the cache is empty."""
    directory = tmp_path / "go-on-path"
    directory.mkdir()
    (directory / "go").write_text(GO)
    (directory / "go").chmod(0o755)
    monkeypatch.setenv("PATH", str(directory), prepend=":")
    monkeypatch.setenv("GO_VERSION", "go1.99.1")
    monkeypatch.setenv("GO_BUILDS", str(tmp_path / "builds"))
    monkeypatch.setenv("GO_FAILS_AT", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "builds"


def test_tests_are_told_what_to_run_when_nothing_is_built(builds: Path) -> None:
    with pytest.raises(GoBuildError, match="make control-plane"):
        CONTROL_PLANE.built()


def test_what_is_built_is_found_and_not_built_again(builds: Path) -> None:
    directory = CONTROL_PLANE.build()
    assert CONTROL_PLANE.built() == CONTROL_PLANE.build() == directory
    assert {path.name for path in directory.iterdir()} == set(CONTROL_PLANE.commands)
    assert len(builds.read_text().splitlines()) == len(CONTROL_PLANE.commands)


def test_another_go_means_another_build(builds: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = CONTROL_PLANE.build()
    monkeypatch.setenv("GO_VERSION", "go1.99.2")
    assert CONTROL_PLANE.build() != first


def test_two_at_once_build_once(builds: Path, pytestconfig: pytest.Config) -> None:
    command = [sys.executable, "-m", "tests.control_plane.build"]
    both = [subprocess.Popen(command, cwd=pytestconfig.rootpath, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate()[1] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert len(builds.read_text().splitlines()) == len(CONTROL_PLANE.commands), said


def test_a_failed_build_shows_why_and_leaves_nothing(builds: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GO_FAILS_AT", "kubectl")
    with pytest.raises(GoBuildError, match="kubectl doesn't build:\nundefined: clock"):
        CONTROL_PLANE.build()
    with pytest.raises(GoBuildError, match="not built"):
        CONTROL_PLANE.built()

    monkeypatch.setenv("GO_FAILS_AT", "")
    assert CONTROL_PLANE.build() == CONTROL_PLANE.built()


def test_an_old_go_on_path_gives_way_to_the_one_that_was_installed(
    builds: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert find_go().version == "go1.99.1 linux/amd64"
    monkeypatch.setenv("GO_VERSION", "go1.25.9")
    assert Path(sys.prefix) in find_go().program.parents
