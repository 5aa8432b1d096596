"""The quick start: every role in its table is right, a second start finds what is there, edits act."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.support.local_mode import READER_TOKEN, RunningLocalMode, run_to_its_end, wait_for_roles

QUICKSTART = Path(__file__).parents[3] / "examples" / "quickstart"

BASE = ["a base role: every active user"]
FALLBACK = ["a fallback role: no rule gives one"]


def by_rule(group: str, rule: str) -> list[str]:
    return [f"group '{group}', rule {rule} of acme/okta-roles"]


EXPECTED = {
    "ada.lovelace@acme.example": (
        "active",
        {
            "admin": by_rule("App Admins", "admins"),
            "developer": by_rule("Engineering", "developers"),
            "viewer": BASE,
        },
    ),
    "alan.turing@acme.example": ("active", {"responder": by_rule("On-call Europe", "on-call"), "viewer": BASE}),
    "charles.babbage@acme.example": ("blocked", {}),
    "dorothy.vaughan@acme.example": ("active", {"guest": FALLBACK, "viewer": BASE}),
    "grace.hopper@acme.example": (
        "active",
        {
            "developer": by_rule("Engineering", "developers"),
            "responder": by_rule("On-call America", "on-call"),
            "viewer": BASE,
        },
    ),
    "katherine.johnson@acme.example": (
        "active",
        {"developer": by_rule("Engineering", "developers"), "viewer": BASE},
    ),
}


@pytest.fixture
def manifests(tmp_path: Path) -> Path:
    return Path(shutil.copytree(QUICKSTART, tmp_path / "manifests"))


def shown_users(running: RunningLocalMode) -> dict[str, tuple[str, dict[str, list[str]]]]:
    document: dict[str, Any] = json.loads(running.wait_for(r"(?m)^\{.*\}$")[0])
    return {
        user["userName"]: (user["state"], {role["value"]: role["why"] for role in user["roles"]})
        for user in document["users"]
    }


def test_every_role_is_right_and_a_second_start_changes_nothing(manifests: Path, tmp_path: Path) -> None:
    versions = []
    for _ in range(2):
        with RunningLocalMode(manifests, tmp_path / "data", "-o", "json", command="quickstart") as running:
            assert shown_users(running) == EXPECTED
            versions.append(resource_versions(running))
            assert running.stop() == 0
    assert len(versions[0]) == 11
    assert versions[0] == versions[1]


def resource_versions(running: RunningLocalMode) -> dict[str, str]:
    with running.client(READER_TOKEN) as client:
        return {
            resource["id"]: resource["meta"]["version"].partition(".")[0]  # behind the dot: what is shown, with URLs
            for endpoint in ("Users", "Groups")
            for resource in client.get(f"/{endpoint}").json()["Resources"]
        }


def test_the_profile_follows_the_attribute_mapping(manifests: Path, tmp_path: Path) -> None:
    with RunningLocalMode(manifests, tmp_path / "data", "-o", "json", command="quickstart") as running:
        document = json.loads(running.wait_for(r"(?m)^\{.*\}$")[0])
    profiles = {user["userName"].partition(".")[0]: user["profile"] for user in document["users"]}
    assert profiles["grace"] | {"team": "Compilers", "organization": "Acme"} == profiles["grace"]
    assert profiles["dorothy"]["team"] == "Unassigned"


def test_an_edit_while_it_serves_changes_roles(manifests: Path, tmp_path: Path) -> None:
    with RunningLocalMode(manifests, tmp_path / "data", command="quickstart") as running:
        running.wait_for(r"Ctrl-C ends\.")
        file = manifests / "rolemapping.yaml"
        file.write_text(file.read_text().replace("roles: [developer]", "roles: [developer, responder]"))
        running.wait_for(r"rule developers now grants developer, responder\n")
        # Grace has the role already: nothing changes for her.
        running.wait_for(r"acme/okta: 2 users gained responder \(Ada Lovelace, Katherine Johnson\)\n")
        with running.client(READER_TOKEN) as client:
            listed = client.get("/Users", params={"filter": 'userName eq "ada.lovelace@acme.example"'}).json()
            wait_for_roles(client, listed["Resources"][0]["id"], {"admin", "developer", "responder", "viewer"})


def test_manifests_that_cannot_be_played_on_are_a_warning_and_an_error(tmp_path: Path) -> None:
    ended = run_to_its_end("quickstart", "-f", QUICKSTART / "secret.yaml", "--data-dir", tmp_path, "--port", "0")
    assert ended.returncode == 2
    warning, error = ended.stderr.splitlines()
    assert "no ProvisioningConfig is here, so nothing is served" in warning
    assert "a ProvisioningConfig with a Provision and a Read token is expected" in error
