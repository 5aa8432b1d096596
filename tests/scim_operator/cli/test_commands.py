"""The console script, as a user calls it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from scim_server.config import ServerConfig, token_digest
from tests.scim_operator.manifests.reading import ATTRIBUTE_MAPPING, CONFIG, ROLE_MAPPING, SECRET

SCRIPT = Path(sys.executable).with_name("scim-operator")
TOKEN = "a-token-of-some-length"
KEY = "0123456789abcdef" * 4


def scim_operator(*arguments: str | Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [SCRIPT, *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=os.environ | {"COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb"},
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "config.yaml").write_text(f"{CONFIG}---\n{SECRET}")
    (tmp_path / "mappings.yaml").write_text(f"{ROLE_MAPPING}---\n{ATTRIBUTE_MAPPING}")
    return tmp_path


def test_help_and_version() -> None:
    helped, version = scim_operator("--help"), scim_operator("--version")

    for command in ("run", "local", "validate", "render", "quickstart"):
        assert command in helped.stdout
    assert (helped.returncode, version.returncode) == (0, 0)
    assert version.stdout.startswith("scim-operator 0.")


@pytest.mark.parametrize("command", ["run", "local", "validate", "render", "quickstart"])
def test_every_command_has_help(command: str) -> None:
    result = scim_operator(command, "--help")

    assert result.returncode == 0
    assert f"scim-operator {command}" in result.stdout
    assert result.stderr == ""


def test_commands_that_need_no_cluster_start_without_its_client() -> None:
    code = (
        "import sys; sys.modules.update(kopf=None, kubernetes=None, aiohttp=None, uvicorn=None);"
        "from scim_operator.cli import main; sys.argv = ['scim-operator', 'validate', '--help']; main()"
    )

    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0


def test_a_command_whose_packages_are_missing_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules.update(kopf=None);"
        "from scim_operator.cli import main; sys.argv = ['scim-operator', 'run', '--help']; main()"
    )

    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert result.returncode == 2
    assert result.stderr == (
        "scim-operator run: the module kopf is missing; install scim-operator[operator,server]\n"
    )


def test_valid_manifests_are_one_line(folder: Path) -> None:
    result = scim_operator("validate", "-f", folder)

    assert (result.returncode, result.stdout, result.stderr) == (0, "4 objects are valid\n", "")


def test_problems_are_one_line_each(folder: Path) -> None:
    (folder / "mappings.yaml").write_text(ROLE_MAPPING.replace("- admin\n", "- admin\n    - x\n"))

    result = scim_operator("validate", "-f", folder)

    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == (
        f"{folder}/mappings.yaml:12: RoleMapping acme/roles: spec.rules[0].roles[1]:"
        ' rule "admins": role "x" is not in the catalogue of acme/okta\n'
    )


def test_objects_may_refer_to_each_other_across_paths(folder: Path) -> None:
    mappings = folder / "mappings.yaml"

    assert scim_operator("validate", "-f", mappings).returncode == 2
    assert scim_operator("validate", "-f", mappings, "-f", folder / "config.yaml").returncode == 0


def test_a_missing_secret_is_a_warning_and_fails_only_when_strict() -> None:
    lenient = scim_operator("validate", "-f", "-", stdin=CONFIG)
    strict = scim_operator("validate", "-f", "-", "--strict", stdin=CONFIG)

    assert (lenient.returncode, lenient.stdout) == (0, "1 object is valid\n")
    assert lenient.stderr.startswith("<stdin>:7: warning: ProvisioningConfig acme/okta: ")
    assert (strict.returncode, strict.stdout) == (2, "")


@pytest.mark.parametrize("command", ["validate", "render"])
def test_a_path_that_is_not_there_is_one_line(command: str) -> None:
    result = scim_operator(command, "-f", "/nowhere")

    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == "/nowhere: no such file or folder\n"


@pytest.mark.parametrize("command", ["validate", "render"])
def test_a_folder_without_objects_is_not_valid(command: str, tmp_path: Path) -> None:
    (tmp_path / "deployment.yaml").write_text("apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\n")

    result = scim_operator(command, "-f", tmp_path)

    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == (
        f"{tmp_path}/deployment.yaml:1: note: ignored: 1 Deployment\n"
        f"{tmp_path}: no ProvisioningConfig, RoleMapping, AttributeMapping, Secret or Namespace is here\n"
    )


def test_an_unknown_command_is_a_usage_error() -> None:
    result = scim_operator("frobnicate")

    assert result.returncode == 2
    assert "No such command 'frobnicate'" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["local", "--port", "abc", "-f", "x"], "scim-operator local: --port: "),
        (["local"], "scim-operator local: --filename / -f: a value is required\n"),
        (["local", "--prot", "1"], "scim-operator local: No such option: --prot"),
        (
            ["run", "--management-token-file", str(SCRIPT)],
            "scim-operator run: give --server-service, or --replica for each server\n",
        ),
        (
            ["run", "--management-token-file", str(SCRIPT), "--server-service", "a/b", "--public-url", "foo"],
            "scim-operator run: --public-url: https://HOST is expected",
        ),
    ],
    ids=["no number", "missing", "no such option", "no servers", "no URL"],
)
def test_a_wrong_option_is_one_line(arguments: list[str], said: str) -> None:
    result = scim_operator(*arguments)

    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.endswith("\n")
    assert said in result.stderr
    assert result.stderr.count("\n") == 1


def test_render_prints_what_the_operator_would_deliver(folder: Path, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text(KEY + "\n")

    result = scim_operator("render", "-f", folder, "--token-key-file", key)

    document = json.loads(result.stdout)
    assert result.returncode == 0
    [tenant] = ServerConfig.model_validate(document["config"]).tenants
    assert tenant.key == "acme/okta"
    assert [rule.rule for rule in tenant.rules] == ["admins"]
    assert document["secrets"] == {"digests": {"acme/okta/okta": token_digest(TOKEN.encode(), bytes.fromhex(KEY))}}
    for secret in (TOKEN, KEY):
        assert secret not in result.stdout + result.stderr


def test_render_in_yaml_is_the_same_document(folder: Path, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text(KEY)
    arguments = ("render", "-f", folder, "--token-key-file", key)

    in_yaml = scim_operator(*arguments, "-o", "yaml").stdout

    assert yaml.safe_load(in_yaml) == json.loads(scim_operator(*arguments).stdout)


def test_without_a_key_file_digests_are_made_with_a_new_key(folder: Path) -> None:
    first, second = (json.loads(scim_operator("render", "-f", folder).stdout) for _ in range(2))

    assert first["config"] == second["config"]
    assert first["secrets"] != second["secrets"]


def test_render_refuses_what_is_not_valid(folder: Path) -> None:
    (folder / "config.yaml").write_text(CONFIG + "  typo: 1\n")

    result = scim_operator("render", "-f", folder)

    assert (result.returncode, result.stdout) == (2, "")
    assert "spec.typo: unknown field" in result.stderr


def test_render_leaves_out_what_is_suspended_and_says_so(folder: Path) -> None:
    (folder / "config.yaml").write_text(f"{CONFIG}  suspend: true\n---\n{SECRET}")

    result = scim_operator("render", "-f", folder)

    assert json.loads(result.stdout)["config"]["tenants"] == []
    assert result.stderr == "note: ProvisioningConfig acme/okta is suspended and left out\n"


@pytest.mark.parametrize("content", ["", "abc", "zz" * 32, KEY + "00"])
def test_a_key_file_that_holds_no_key_is_one_line_and_not_quoted(folder: Path, tmp_path: Path, content: str) -> None:
    key = tmp_path / "key"
    key.write_text(content)

    result = scim_operator("render", "-f", folder, "--token-key-file", key)

    assert result.returncode == 2
    assert result.stderr == f"{key}: a key of 64 hexadecimal digits is expected\n"
