"""Local mode as its user meets it: a process, files that are edited, HTTP."""

import base64
import json
import os
import shutil
import signal
import socket
import stat
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.local_mode import (
    PROVIDER_TOKEN,
    READER_TOKEN,
    RunningLocalMode,
    create_group,
    create_user,
    effective,
    roles,
    run_to_its_end,
    wait_for_roles,
)
from tests.support.processes import wait_until

PATCH_OP = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
GUARDS = """\
  safety:
    protectedUsers:
    - userName: breakglass@acme.example
"""
QUICKSTART = Path(__file__).parents[3] / "examples" / "quickstart"


@pytest.fixture
def manifests(tmp_path: Path) -> Path:
    return Path(shutil.copytree(QUICKSTART, tmp_path / "manifests"))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def running(manifests: Path, data: Path) -> Iterator[RunningLocalMode]:
    with RunningLocalMode(manifests, data) as running:
        running.base_url()
        yield running


def edit(file: Path, old: str, new: str) -> None:
    """As editors do: a new file takes the place of the old one."""
    text = file.read_text()
    assert old in text
    draft = file.with_suffix(".draft")
    draft.write_text(text.replace(old, new))
    draft.replace(file)


@pytest.fixture
def engineer(running: RunningLocalMode) -> str:
    with running.client() as client:
        user_id = create_user(client, "ada@acme.example", "Ada Lovelace")
        create_group(client, "Engineering", user_id)
    return user_id


def test_an_edited_rule_changes_roles_and_it_says_whose(
    manifests: Path, running: RunningLocalMode, engineer: str
) -> None:
    with running.client() as client:
        assert roles(client, engineer) == {"developer", "viewer"}
        edit(manifests / "rolemapping.yaml", "roles: [developer]", "roles: [responder]")
        wait_for_roles(client, engineer, {"responder", "viewer"})
    running.wait_for(r"rolemapping acme/okta-roles: rule developers now grants responder\n")
    running.wait_for(
        r"acme/okta: 1 user gained responder \(Ada Lovelace\), 1 lost developer \(Ada Lovelace\)\n",
    )


def test_a_removed_mapping_takes_its_roles_along(manifests: Path, running: RunningLocalMode, engineer: str) -> None:
    (manifests / "rolemapping.yaml").unlink()
    with running.client() as client:
        wait_for_roles(client, engineer, {"guest", "viewer"})
    running.wait_for(r"rolemapping acme/okta-roles: rule admins is gone, it granted admin\n")


def test_an_edited_attribute_mapping_changes_the_profile(
    manifests: Path, running: RunningLocalMode, engineer: str
) -> None:
    edit(manifests / "attributemapping.yaml", "default: Acme", "default: Acme Limited")
    with running.client(READER_TOKEN) as client:
        wait_until(
            lambda: effective(client, engineer)["profile"].get("organization") == "Acme Limited",
            seconds=10,
            what="the profile",
        )
    running.wait_for(r"attributemapping acme/okta-attributes: organization is now always 'Acme Limited'\n")


def test_a_broken_file_is_reported_and_nothing_changes(
    manifests: Path, running: RunningLocalMode, engineer: str
) -> None:
    file = manifests / "rolemapping.yaml"
    edit(file, "roles: [developer]", "rolls: [developer]")
    line = 1 + file.read_text()[: file.read_text().index("rolls")].count("\n")
    running.wait_for(rf"rolemapping\.yaml:{line}: RoleMapping acme/okta-roles: spec\.rules\[1\]\.rolls: ")
    running.wait_for("nothing is changed until this is put right")
    with running.client() as client:
        assert roles(client, engineer) == {"developer", "viewer"}
        edit(file, "rolls: [developer]", "roles: [admin]")
        wait_for_roles(client, engineer, {"admin", "viewer"})
    running.wait_for("the manifests are valid again")


def test_a_folder_that_is_gone_is_reported_and_followed_when_it_is_made_again(
    manifests: Path, running: RunningLocalMode, engineer: str
) -> None:
    kept = Path(shutil.copytree(manifests, manifests.with_name("kept")))
    manifests.rename(manifests.with_name("gone"))
    running.wait_for(f"{manifests}: no such file or folder")
    with running.client() as client:
        assert roles(client, engineer) == {"developer", "viewer"}
        edit(kept / "rolemapping.yaml", "roles: [developer]", "roles: [admin]")
        kept.rename(manifests)
        wait_for_roles(client, engineer, {"admin", "viewer"}, seconds=60)


def test_names_that_users_have_do_not_command_the_terminal(manifests: Path, running: RunningLocalMode) -> None:
    with running.client() as client:
        user_id = create_user(client, "eve@acme.example", "Eve \x1b[2J\nacme/okta: all is well")
        create_group(client, "Engineering", user_id)
        edit(manifests / "rolemapping.yaml", "roles: [developer]", "roles: [responder]")
        running.wait_for(r"1 user gained responder \(Eve \\x1b\[2J\\nacme/okta: all is well\)")


def test_text_that_is_not_yaml_is_reported(manifests: Path, running: RunningLocalMode) -> None:
    (manifests / "new.yaml").write_text("a: b\n  c: [\n")
    running.wait_for(r"new\.yaml:2: YAML: ")


def test_a_typo_takes_no_role_away_not_even_over_a_restart_and_is_said_once(
    manifests: Path, data: Path, running: RunningLocalMode, engineer: str
) -> None:
    said = (
        r'rolemapping\.yaml:\d+: warning: RoleMapping acme/okta-roles: .*: rule "developers": role "develper" is not'
        r" in the catalogue of acme/okta \(did you mean developer\?\);"
        r' rule "developers" keeps granting developer as before\n'
    )
    edit(manifests / "rolemapping.yaml", "roles: [developer]", "roles: [develper]")
    running.wait_for(said)
    with running.client() as client:
        assert roles(client, engineer) == {"developer", "viewer"}
    assert "rule developers" not in running.said
    assert "lost developer" not in running.said
    assert running.stop() == 0

    with RunningLocalMode(manifests, data) as again, again.client() as client:
        again.wait_for(said)
        assert roles(client, engineer) == {"developer", "viewer"}
        edit(manifests / "rolemapping.yaml", "roles: [develper]", "roles: [responder]")
        wait_for_roles(client, engineer, {"responder", "viewer"})
        again.wait_for(r'solved: .*"develper"')
        assert "is new" not in again.said


def test_a_role_that_the_catalogue_loses_stays_until_the_rule_is_deleted(
    manifests: Path, running: RunningLocalMode, engineer: str
) -> None:
    edit(manifests / "provisioningconfig.yaml", "- name: developer\n", "- name: engineer\n")
    running.wait_for(r'role "developer" is not in the catalogue .*; rule "developers" keeps granting developer')
    with running.client() as client:
        assert roles(client, engineer) == {"developer", "viewer"}
        (manifests / "rolemapping.yaml").unlink()
        wait_for_roles(client, engineer, {"guest", "viewer"})


def test_a_group_that_nobody_sent_is_told_with_the_one_that_is_here(
    manifests: Path, running: RunningLocalMode, engineer: str
) -> None:
    edit(manifests / "rolemapping.yaml", "displayName: Engineering", "displayName: Enginering")
    running.wait_for(
        r'rolemapping acme/okta-roles: rule developers: no group named "Enginering" is here; "Engineering" is\n'
    )
    running.wait_for(r'rule on-call: no group is here whose name matches "On-call \.\+"\n')
    edit(manifests / "rolemapping.yaml", "displayName: Enginering", "displayName: Engineering")
    running.wait_for(r'solved: .*"Enginering"')


def test_manifests_with_a_warning_are_not_called_valid(manifests: Path, running: RunningLocalMode) -> None:
    file = manifests / "rolemapping.yaml"
    edit(file, "roles: [admin]", "rolls: [admin]")
    running.wait_for("nothing is changed until this is put right")
    edit(file, "rolls: [admin]", "roles: [emperor]")
    running.wait_for("the manifests are in effect again, apart from 1 warning\n")
    assert "valid again" not in running.said


def test_an_expired_credential_is_a_warning(manifests: Path, running: RunningLocalMode) -> None:
    config = manifests / "provisioningconfig.yaml"
    edit(config, "- name: okta\n", "- name: okta\n        expiresAt: 2020-01-01T00:00:00Z\n")
    running.wait_for(r"\d\d:\d\d:\d\d \S+provisioningconfig\.yaml:\d+: warning: .* expired")


def test_a_folder_without_a_config_says_so(tmp_path: Path, data: Path) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    with RunningLocalMode(folder, data) as running:
        running.wait_for(f"{folder}: warning: no ProvisioningConfig is here, so nothing is served\n")
        shutil.copytree(QUICKSTART, folder, dirs_exist_ok=True)
        running.wait_for("solved: .*no ProvisioningConfig is here")
        assert running.stop() == 0


def test_a_replaced_token_works_and_the_old_one_stops(manifests: Path, running: RunningLocalMode) -> None:
    edit(manifests / "secret.yaml", "token: public-example-token-for-okta", "token: another-token-for-okta-of-2027")
    with running.client() as old, running.client("another-token-for-okta-of-2027") as new:
        # Not by asking until it works: failed authentication is limited.
        running.wait_for("provisioningconfig acme/okta: credential okta has another token")
        assert new.get("/Users").status_code == 200
        assert old.get("/Users").status_code == 401
    assert "another-token-for-okta-of-2027" not in running.said


def test_only_its_owner_may_read_the_data(manifests: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    before = os.umask(0)
    try:
        running = RunningLocalMode(manifests, data)
    finally:
        os.umask(before)
    with running, running.client() as client:
        create_user(client, "ada@acme.example", "Ada Lovelace")
        made = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (data, *data.iterdir())}
    assert {"data", "scim.db", "scim.db-wal", "scim.db-shm"} <= made.keys()
    assert {name: oct(mode) for name, mode in made.items() if mode & 0o077} == {}


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_a_second_start_finds_its_data(manifests: Path, data: Path, sent: signal.Signals) -> None:
    with RunningLocalMode(manifests, data) as first, first.client() as client:
        user_id = create_user(client, "ada@acme.example", "Ada Lovelace")
        create_group(client, "Engineering", user_id)
        assert first.stop(sent) == 0
    assert "Traceback" not in first.said
    edit(manifests / "rolemapping.yaml", "roles: [developer]", "roles: [developer, responder]")
    with RunningLocalMode(manifests, data) as second, second.client() as client:
        # What was edited meanwhile is in effect before the first request is answered.
        assert roles(client, user_id) == {"developer", "responder", "viewer"}
        second.wait_for(r"acme/okta: 1 user gained responder \(Ada Lovelace\)\n")
        assert second.stop(sent) == 0


def test_a_suspended_config_stays_as_it_was_over_a_restart(manifests: Path, data: Path) -> None:
    with RunningLocalMode(manifests, data) as first:
        first.base_url()
        first.stop()
    edit(manifests / "provisioningconfig.yaml", "spec:\n", "spec:\n  suspend: true\n")
    edit(manifests / "provisioningconfig.yaml", "baseRoles: [viewer]", "baseRoles: []")
    with RunningLocalMode(manifests, data) as second, second.client() as client:
        user_id = create_user(client, "ada@acme.example", "Ada Lovelace")
        assert roles(client, user_id) == {"guest", "viewer"}


def test_users_may_be_kept_in_postgresql(manifests: Path, data: Path, postgres_dsn: str) -> None:
    for _ in range(2):
        with RunningLocalMode(manifests, data, "--database", postgres_dsn) as running, running.client() as client:
            found = client.get("/Users").json()["totalResults"]
            create_user(client, f"user-{found}@acme.example", f"User {found}")
            running.stop()
    assert found == 1
    assert not (data / "scim.db").exists()


def test_a_taken_port_is_one_line(manifests: Path, data: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = run_to_its_end("local", "-f", manifests, "--data-dir", data, "--port", str(port))
    assert ended.returncode == 2
    advice = "choose another one with --port (make run: with PORT=)"
    assert ended.stderr == f"port {port} of 127.0.0.1 is in use: {advice}\n"


def test_a_data_directory_in_use_is_one_line(manifests: Path, data: Path, running: RunningLocalMode) -> None:
    ended = run_to_its_end("local", "-f", manifests, "--data-dir", data, "--port", "0")
    assert ended.returncode == 2
    assert ended.stderr == f"{data}: in use by another local server: end that one, or give another --data-dir\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("kind: ]", r"broken.yaml:1: YAML: "),
        (
            "apiVersion: scim-operator.io/v1alpha1\nkind: RoleMapping\nmetadata: {name: x}\nspec: {rules: []}\n",
            r"broken.yaml:4: RoleMapping default/x: spec",
        ),
    ],
)
def test_what_is_broken_at_the_start_is_one_line_each(manifests: Path, data: Path, text: str, said: str) -> None:
    (manifests / "broken.yaml").write_text(text)
    ended = run_to_its_end("local", "-f", manifests, "--data-dir", data, "--port", "0")
    assert ended.returncode == 1
    assert said in ended.stderr
    assert all(line.startswith(str(manifests)) for line in ended.stderr.splitlines())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-f", "nowhere"], "nowhere: no such file or folder"),
        (["-f", ".", "--database", "mysql://host/x"], "--database: sqlite:///PATH or postgresql://"),
        (
            ["-f", ".", "--database", "postgresql://ann:s3cret@host:99999/x"],
            "--database: postgresql://USER:PASSWORD@",
        ),
    ],
)
def test_bad_arguments_are_one_line(tmp_path: Path, arguments: list[str], said: str) -> None:
    ended = run_to_its_end("local", *arguments, cwd=tmp_path)
    assert ended.returncode == 2
    assert said in ended.stderr
    assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize("damaged", [True, False])
def test_a_database_that_is_none_is_one_line(manifests: Path, data: Path, damaged: bool) -> None:
    data.mkdir()
    if damaged:
        (data / "scim.db").write_text("This is not a database. " * 100)
    else:
        (data / "scim.db").mkdir()
    ended = run_to_its_end("local", "-f", manifests, "--data-dir", data, "--port", "0")
    assert ended.returncode == 2
    assert ended.stderr.startswith(f"SQLite database {data}/scim.db: ")
    assert ended.stderr.count("\n") == 1


def test_that_a_database_is_away_is_told_once_a_minute_however_often_it_is_tried(manifests: Path, data: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as away:
        away.settimeout(60)
        began = time.monotonic()
        url = f"postgresql://127.0.0.1:{away.getsockname()[1]}/scim"
        with RunningLocalMode(manifests, data, "--database", url) as running:
            for _ in range(12):  # an attempt is one connection, or two where the first one asks for TLS
                attempt, _ = away.accept()
                attempt.close()
            running.wait_for("next attempt")
            told = Counter(line.partition(" ")[2] for line in running.said.splitlines())
    minutes = (time.monotonic() - began) // 60
    assert max(told.values()) <= 1 + minutes, told
    assert all("PostgreSQL is not available" in line for line in told)


def test_an_address_that_is_not_here_is_named_once(manifests: Path, data: Path) -> None:
    arguments = ("--data-dir", data, "--host", "192.0.2.1", "--port", "8161")  # of RFC 5737, which nobody has
    ended = run_to_its_end("local", manifests, *arguments)
    assert ended.returncode == 2
    assert ended.stderr == "192.0.2.1:8161: Cannot assign requested address\n"


def test_where_the_tokens_are_is_told_and_no_token(manifests: Path, data: Path) -> None:
    file = manifests / "secret.yaml"
    token = base64.b64encode(b"a-token-that-is-encoded").decode()
    (manifests / "more.yaml").write_text(
        f"apiVersion: v1\nkind: Secret\nmetadata: {{name: more, namespace: acme}}\ndata: {{next: {token}}}\n"
    )
    edit(
        manifests / "provisioningconfig.yaml",
        "    bearerTokens:\n",
        "    bearerTokens:\n      - {name: next, secretRef: {name: more, key: next}}\n"
        "      - {name: absent, secretRef: {name: absent}}\n",
    )
    with RunningLocalMode(manifests, data) as running:
        running.wait_for(r"Ctrl-C ends\.")
        told = [line for line in running.said.splitlines() if line.startswith("  token ")]
    assert told == [
        f"  token next, access Provision: key next of Secret acme/more in {manifests}/more.yaml, in base64",
        f"  token okta, access Provision: key token of Secret acme/okta-scim in {file}",
        f"  token applications, access Read: key read-token of Secret acme/okta-scim in {file}",
    ]
    for value in (PROVIDER_TOKEN, READER_TOKEN, token, "a-token-that-is-encoded"):
        assert value not in running.said


def test_objects_without_a_namespace_are_served_in_the_one_that_is_given(manifests: Path, data: Path) -> None:
    for file in manifests.iterdir():
        edit(file, "  namespace: acme\n", "")
    with RunningLocalMode(manifests, data, "-n", "umbrella") as running:
        assert running.base_url("umbrella/okta")


def test_other_kinds_are_ignored_with_a_note(manifests: Path, data: Path) -> None:
    (manifests / "deployment.yaml").write_text("apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\n")
    with RunningLocalMode(manifests, data) as running:
        running.wait_for(r"deployment\.yaml:1: note: ignored: 1 Deployment\n")
        assert httpx.get(f"{running.base_url()}/Users").status_code == 401


@pytest.mark.parametrize("fate", ["Retain", "Erase"])
def test_users_of_a_deleted_config_are_kept_or_erased(
    manifests: Path, running: RunningLocalMode, engineer: str, fate: str
) -> None:
    file = manifests / "provisioningconfig.yaml"
    edit(file, "spec:\n", f"spec:\n  onDeletion: {fate}\n")
    if fate == "Erase":
        running.wait_for(r"acme/okta: once it is deleted, its users are erased\n")
    away = file.rename(manifests.parent / file.name)
    will_be = "are erased" if fate == "Erase" else "can't be reached, and are erased after 2160h"
    running.wait_for(rf"provisioningconfig acme/okta: is gone; its users {will_be}\n")
    with running.client() as client:
        wait_until(lambda: client.get("/Users").status_code == 401, seconds=10, what="nobody to be let in")
        away.rename(file)
        running.wait_for(r"provisioningconfig acme/okta: is served at /acme/okta/scim/v2\n")
        wait_until(lambda: client.get("/Users").status_code == 200, seconds=10, what="the provider to be let in")
        found = client.get(f"/Users/{engineer}")
        assert found.status_code == (200 if fate == "Retain" else 404)
    if fate == "Retain":
        running.wait_for(r"acme/okta: 1 user of a former ProvisioningConfig of this name is here again\n")
    else:
        assert "former" not in running.said


def test_what_happens_without_a_request_is_told(manifests: Path, running: RunningLocalMode, engineer: str) -> None:
    """provisioning.md, "Guards" and "The life of a user", as local mode tells them."""
    edit(manifests / "provisioningconfig.yaml", "deactivationDelay: 15m", f"deactivationDelay: 1s\n{GUARDS}")
    running.wait_for(r"user breakglass@acme.example is protected now\n")
    with running.client() as client:
        protected = create_user(client, "breakglass@acme.example", "Break Glass")
        off = {"schemas": [PATCH_OP], "Operations": [{"op": "replace", "path": "active", "value": False}]}
        assert client.patch(f"/Users/{protected}", json=off).status_code == 200
        running.wait_for(r"acme/okta: hold protected-\w+ \(protected\) is opened: effects wait as long as")
        assert client.patch(f"/Users/{engineer}", json=off).status_code == 200
        running.wait_for(r"acme/okta: Ada Lovelace deactivated: the delay is over\n")


def test_what_a_provider_changes_is_told(running: RunningLocalMode) -> None:
    with running.client() as client:
        ada = create_user(client, "ada@acme.example", "Ada Lovelace")
        running.wait_for(r"acme/okta: okta created Ada Lovelace: guest, viewer\n")
        create_group(client, "Engineering", ada)
        running.wait_for(r"acme/okta: okta created group Engineering with 1 member\n")
        running.wait_for(
            r"acme/okta: okta changed Ada Lovelace: gained developer"
            r" \(group 'Engineering', by rule developers of acme/okta-roles\); lost guest\n"
        )
        assert client.delete(f"/Users/{ada}").status_code == 204
        running.wait_for(r"acme/okta: okta deleted Ada Lovelace\n")
        told = running.said
        assert client.get("/Users").status_code == 200
        assert client.post("/Users", json={}).status_code == 400
        create_user(client, "bob@acme.example", "Bob")
        running.wait_for(r"acme/okta: okta created Bob: guest, viewer\n")
        assert len(running.said.splitlines()) == len(told.splitlines()) + 1


def test_it_says_that_a_config_is_suspended(manifests: Path, running: RunningLocalMode, data: Path) -> None:
    file = manifests / "provisioningconfig.yaml"
    edit(file, "spec:\n", "spec:\n  suspend: true\n")
    running.wait_for(r"acme/okta: is suspended: it is served as it was, and changes wait\n")
    edit(file, "suspend: true", "suspend: false")
    running.wait_for(r"acme/okta: is no longer suspended\n")
    edit(file, "suspend: false", "suspend: true")
    for where, served in ((data, "is served as it was"), (data.with_name("other"), "has never been served")):
        if where == data:
            assert running.stop() == 0
        with RunningLocalMode(manifests, where) as again:
            again.wait_for(rf"acme/okta: is suspended: it {served}, and changes wait\n")


def chain_of_merges() -> str:
    return "a0: &a0 {}\n" + "".join(
        f"a{level}: &a{level} {{<<: *a{level - 1}, k{level}: 0}}\n" for level in range(1, 3000)
    )


def merges_of_nothing() -> str:
    return "a0: &a0 {}\n" + "".join(
        f"a{level}: &a{level} {{<<: [{', '.join([f'*a{level - 1}'] * 9)}]}}\n" for level in range(1, 12)
    )


@pytest.mark.parametrize("text", [chain_of_merges(), merges_of_nothing()], ids=["a long chain", "a bomb"])
def test_no_yaml_keeps_it_from_following_and_from_ending(
    manifests: Path, running: RunningLocalMode, text: str
) -> None:
    (manifests / "bad.yaml").write_text(text)
    running.wait_for(r"bad\.yaml:\d+: YAML: aliases stand for more than 200000 values")

    (manifests / "bad.yaml").unlink()
    edit(manifests / "rolemapping.yaml", "roles: [developer]", "roles: [responder]")

    running.wait_for(r"rolemapping acme/okta-roles: rule developers now grants responder\n")
    assert running.stop(signal.SIGTERM) == 0


def test_a_manifest_in_json_is_followed_too(manifests: Path, running: RunningLocalMode) -> None:
    mapping = {
        "apiVersion": "scim-operator.io/v1alpha1",
        "kind": "RoleMapping",
        "metadata": {"name": "more", "namespace": "acme"},
        "spec": {
            "configRef": {"name": "okta"},
            "rules": [{"name": "support", "groups": [{"displayName": "Support"}], "roles": ["responder"]}],
        },
    }
    (manifests / "more.json").write_text(json.dumps(mapping, indent=2))

    running.wait_for(r"rolemapping acme/more: rule support is new")
