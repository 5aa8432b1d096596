"""`scim-operator validate`: what it prints, in each form, and what it ends with."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import yaml

from tests.scim_operator.manifests.reading import ATTRIBUTE_MAPPING, CONFIG, ROLE_MAPPING, SECRET
from tests.support.warm_programs import run_program

ROOT = Path(__file__).parents[3]
SCRIPT = Path(sys.executable).with_name("scim-operator")
DEPLOYMENT = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\n"
NAMESPACE = "apiVersion: v1\nkind: Namespace\nmetadata: {name: acme}\n"
UNKNOWN_ROLE = ROLE_MAPPING.replace("- admin\n", "- admin\n    - x\n")


def scim_operator(
    *arguments: str | Path, stdin: str = "", cwd: Path | None = None, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return run_program("scim-operator", *arguments, stdin=stdin, cwd=cwd, environment=environment)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "config.yaml").write_text(f"{CONFIG}---\n{SECRET}")
    (tmp_path / "mappings.yaml").write_text(f"{ROLE_MAPPING}---\n{ATTRIBUTE_MAPPING}")
    return tmp_path


def without_namespace(text: str) -> str:
    return text.replace(", namespace: acme", "")


def test_valid_manifests_are_one_line(folder: Path) -> None:
    result = scim_operator("validate", "-f", folder)

    assert (result.returncode, result.stdout, result.stderr) == (0, "4 objects are valid\n", "")


def test_problems_are_one_line_each(folder: Path) -> None:
    (folder / "mappings.yaml").write_text(UNKNOWN_ROLE)

    result = scim_operator("validate", "-f", folder)

    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == (
        f"{folder}/mappings.yaml:12: RoleMapping acme/roles: spec.rules[0].roles[1]:"
        ' rule "admins": role "x" is not in the catalogue of acme/okta\n'
    )


def test_a_file_in_another_encoding_is_a_problem_among_others(folder: Path) -> None:
    (folder / "latin1.yaml").write_bytes("# Größe\n".encode("latin-1"))
    (folder / "mappings.yaml").write_text("a: [")

    result = scim_operator("validate", folder, "-o", "json")

    assert result.returncode == 1
    problems = json.loads(result.stdout)["problems"]
    assert {Path(one["file"]).name for one in problems} == {"latin1.yaml", "mappings.yaml"}


@pytest.mark.parametrize("command", ["validate", "render"])
def test_paths_are_given_with_or_without_an_option(command: str, folder: Path) -> None:
    """Objects may refer to each other across all of them."""
    mappings, config = folder / "mappings.yaml", folder / "config.yaml"

    assert scim_operator(command, mappings).returncode == 1
    for arguments in ([folder], [mappings, config], ["-f", mappings, config], ["-f", mappings, "-f", config]):
        assert scim_operator(command, *arguments).returncode == 0, arguments


@pytest.mark.parametrize("command", ["validate", "render", "local"])
def test_a_command_without_a_path_says_how_to_give_one(command: str) -> None:
    result = scim_operator(command)

    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == f"scim-operator {command}: give the manifests, as PATH or -f PATH\n"


def test_a_missing_secret_is_a_warning_and_fails_only_when_strict() -> None:
    lenient = scim_operator("validate", "-f", "-", stdin=CONFIG)
    strict = scim_operator("validate", "-f", "-", "--strict", stdin=CONFIG)

    assert (lenient.returncode, lenient.stdout) == (0, "1 object is valid\n")
    assert lenient.stderr.startswith("<stdin>:7: warning: ProvisioningConfig acme/okta: ")
    assert (strict.returncode, strict.stdout) == (1, "")


@pytest.mark.parametrize("arguments", [["-f"], []], ids=["option", "argument"])
@pytest.mark.parametrize("command", ["validate", "render", "local", "quickstart"])
def test_a_path_that_is_not_there_is_one_line(command: str, arguments: list[str], tmp_path: Path) -> None:
    result = scim_operator(command, *arguments, "/nowhere", cwd=tmp_path)

    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == "/nowhere: no such file or folder\n"


@pytest.mark.parametrize("text", [DEPLOYMENT, SECRET, NAMESPACE, f"{SECRET}---\n{NAMESPACE}", ""])
@pytest.mark.parametrize(
    "arguments", [["validate"], ["validate", "-o", "json"], ["validate", "-o", "github"], ["render"]]
)
def test_manifests_with_none_of_our_kinds_are_not_valid(arguments: list[str], text: str, tmp_path: Path) -> None:
    (tmp_path / "other.yaml").write_text(text)

    result = scim_operator(*arguments, "-f", tmp_path)

    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == f"nothing of ProvisioningConfig, RoleMapping, AttributeMapping in {tmp_path}\n"


def test_what_keeps_our_kinds_from_being_found_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("a: [")

    result = scim_operator("validate", tmp_path)

    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith(f"{tmp_path}/a.yaml:")


def test_objects_without_a_namespace_go_to_the_one_that_is_given() -> None:
    stdin = "---\n".join((without_namespace(CONFIG), SECRET, ROLE_MAPPING))

    without = scim_operator("validate", "-f", "-", stdin=stdin)
    given = scim_operator("validate", "-n", "acme", "--strict", "-f", "-", stdin=stdin)
    rendered = scim_operator("render", "--namespace", "acme", "-f", "-", stdin=stdin)

    assert without.returncode == 1
    error, warning = without.stderr.splitlines()
    assert warning.endswith("Secret default/okta-scim was not found; there is one in namespace acme")
    assert error == (
        "<stdin>:21: RoleMapping acme/roles: spec.configRef: ProvisioningConfig acme/okta is not in these manifests,"
        " but default/okta, whose manifest gives no namespace (-n acme: that one)"
    )
    assert (given.returncode, given.stderr) == (0, "")
    assert [tenant["namespace"] for tenant in json.loads(rendered.stdout)["config"]["tenants"]] == ["acme"]


def test_a_config_that_is_not_in_the_default_namespace_is_said_to_be_looked_for_there() -> None:
    stdin = "---\n".join((CONFIG, SECRET, without_namespace(ROLE_MAPPING)))

    result = scim_operator("validate", "-f", "-", stdin=stdin)

    assert result.returncode == 1
    assert result.stderr == (
        "<stdin>:21: RoleMapping default/roles: spec.configRef: ProvisioningConfig default/okta is not in these"
        " manifests; this manifest gives no namespace, so it is default (-n NAMESPACE: another one)\n"
    )
    assert scim_operator("validate", "-n", "acme", "-f", "-", stdin=stdin).returncode == 0


@pytest.mark.parametrize("name", ["", "Acme", "a" * 64, "-a", "a.b"])
def test_an_impossible_namespace_is_a_wrong_option(name: str, folder: Path) -> None:
    result = scim_operator("validate", "-n", name, folder)

    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("scim-operator validate: --namespace / -n: ")
    assert result.stderr.count("\n") == 1


def test_problems_as_a_document(folder: Path) -> None:
    (folder / "mappings.yaml").write_text(UNKNOWN_ROLE)
    (folder / "config.yaml").write_text(CONFIG)
    (folder / "other.yaml").write_text(DEPLOYMENT)

    result = scim_operator("validate", "-o", "json", "-f", ".", cwd=folder)

    assert (result.returncode, result.stderr) == (1, "")
    assert json.loads(result.stdout) == {
        "valid": False,
        "counts": {"objects": 2, "errors": 1, "warnings": 1},
        "problems": [
            {
                "severity": "error",
                "file": "mappings.yaml",
                "line": 12,
                "kind": "RoleMapping",
                "namespace": "acme",
                "name": "roles",
                "field": "spec.rules[0].roles[1]",
                "message": 'rule "admins": role "x" is not in the catalogue of acme/okta',
            },
            {
                "severity": "warning",
                "file": "config.yaml",
                "line": 7,
                "kind": "ProvisioningConfig",
                "namespace": "acme",
                "name": "okta",
                "field": "spec.authentication.bearerTokens[0].secretRef.name",
                "message": 'credential "okta": Secret acme/okta-scim was not found',
            },
        ],
        "notes": [
            {
                "severity": "note",
                "file": "other.yaml",
                "line": 1,
                "kind": None,
                "namespace": None,
                "name": None,
                "field": None,
                "message": "ignored: 1 Deployment",
            }
        ],
    }


def test_a_document_of_valid_manifests(folder: Path) -> None:
    result = scim_operator("validate", "-o", "json", folder)

    assert (result.returncode, result.stderr) == (0, "")
    assert json.loads(result.stdout) == {
        "valid": True,
        "counts": {"objects": 4, "errors": 0, "warnings": 0},
        "problems": [],
        "notes": [],
    }


def test_a_document_says_that_warnings_count_when_they_do() -> None:
    lenient, strict = (
        scim_operator("validate", "-o", "json", *more, "-", stdin=CONFIG) for more in ((), ("--strict",))
    )

    assert (lenient.returncode, json.loads(lenient.stdout)["valid"]) == (0, True)
    assert (strict.returncode, json.loads(strict.stdout)["valid"]) == (1, False)
    assert json.loads(strict.stdout)["problems"][0]["file"] == "<stdin>"


def test_the_documentation_shows_the_fields_of_the_document(folder: Path) -> None:
    (folder / "mappings.yaml").write_text(UNKNOWN_ROLE)
    page = (ROOT / "docs/how-to/local-mode.md").read_text(encoding="utf-8")
    [shown] = re.findall(r"```json\n(.*?)```", page, re.DOTALL)

    document = json.loads(scim_operator("validate", "-o", "json", folder).stdout)

    def keys(value: Any) -> Any:
        if isinstance(value, list):
            return [keys(item) for item in value]
        return {name: keys(member) for name, member in value.items()} if isinstance(value, dict) else None

    assert keys(json.loads(shown)) == keys(document)


COMMAND = re.compile(r"::(error|warning|notice)(?: file=([^,:]*),line=(\d+))?::([^\r\n]*)")


def annotations(output: str) -> list[tuple[str, str, str, str]]:
    """Type, file, line and message of each, read as GitHub's runner reads them."""
    found = []
    for line in output.splitlines():
        match = COMMAND.fullmatch(line)
        assert match, line
        kind, file, number, message = match.groups()
        found.append((kind, unquote(file or ""), number or "", unquote(message)))
    return found


def test_problems_as_annotations(folder: Path) -> None:
    (folder / "mappings.yaml").write_text(UNKNOWN_ROLE)
    (folder / "config.yaml").write_text(CONFIG)
    (folder / "other.yaml").write_text(DEPLOYMENT)

    result = scim_operator("validate", "-o", "github", "-f", ".", cwd=folder)

    assert (result.returncode, result.stderr) == (1, "")
    assert sorted(annotations(result.stdout)) == [
        (
            "error",
            "mappings.yaml",
            "12",
            "RoleMapping acme/roles: spec.rules[0].roles[1]:"
            ' rule "admins": role "x" is not in the catalogue of acme/okta',
        ),
        ("notice", "other.yaml", "1", "ignored: 1 Deployment"),
        (
            "warning",
            "config.yaml",
            "7",
            "ProvisioningConfig acme/okta: spec.authentication.bearerTokens[0].secretRef.name:"
            ' credential "okta": Secret acme/okta-scim was not found',
        ),
    ]


def test_nothing_in_a_manifest_or_its_name_gets_out_of_its_annotation(tmp_path: Path) -> None:
    name = "100%, a:b\r\n::error::c.yaml"
    forged = "x%0A::error ::forged\\n::error::forged"
    (tmp_path / name).write_text(f"{CONFIG}---\n{SECRET}---\n" + ROLE_MAPPING.replace("- admin\n", f'- "{forged}"\n'))

    result = scim_operator("validate", "-o", "github", "-f", tmp_path)

    [(kind, file, line, message)] = annotations(result.stdout)
    assert result.returncode == 1
    assert (kind, file) == ("error", f"{tmp_path}/{name}")
    assert int(line) > 20
    assert "x%0A::error ::forged" in message
    assert "\n" not in message


def test_standard_input_has_no_file_to_annotate() -> None:
    result = scim_operator("validate", "-o", "github", "--strict", "-", stdin=CONFIG)

    assert [(kind, file) for kind, file, _, _ in annotations(result.stdout)] == [("warning", "")]


def test_valid_manifests_have_no_annotations(folder: Path) -> None:
    result = scim_operator("validate", "-o", "github", folder, environment={"GITHUB_ACTIONS": "true"})

    assert (result.returncode, result.stdout, result.stderr) == (0, "4 objects are valid\n", "")


def test_a_closed_standard_output_is_no_problem(folder: Path) -> None:
    ended = subprocess.run(["sh", "-c", '"$0" validate "$1" >&-', SCRIPT, folder], capture_output=True, check=False)

    assert (ended.returncode, ended.stderr) == (0, b"")


def test_no_form_is_chosen_by_the_environment(folder: Path) -> None:
    (folder / "mappings.yaml").write_text(UNKNOWN_ROLE)

    result = scim_operator("validate", folder, environment={"GITHUB_ACTIONS": "true", "CI": "true"})

    assert (result.returncode, result.stdout) == (1, "")
    assert "::error" not in result.stderr


def test_the_help_says_what_each_exit_status_means() -> None:
    helped = scim_operator("validate", "--help").stdout

    for line in ("0  the manifests are valid", "1  they have problems", "2  nothing was checked"):
        assert re.search(rf"(?m)^ +{line}", helped)


@pytest.mark.parametrize(("text", "status"), [(ROLE_MAPPING, 0), (UNKNOWN_ROLE, 1), ("", 2)])
def test_the_pre_commit_hook_checks_the_folders_that_its_user_names(folder: Path, text: str, status: int) -> None:
    """pre-commit runs `entry` with `args` in the repository."""
    [hook] = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    if text:
        (folder / "mappings.yaml").write_text(text)
    else:
        for file in folder.iterdir():
            file.unlink()
    program, *arguments = hook["entry"].split()

    assert (program, hook["pass_filenames"]) == ("scim-operator", False)
    assert scim_operator(*arguments, folder).returncode == status
    for name, checked in (("a/b.yaml", True), ("a.yml", True), ("a.json", True), ("README.md", False)):
        assert (re.search(hook["files"], name) is not None) is checked
