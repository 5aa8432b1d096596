"""The console script, as a user calls it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from scim_server.config import ServerConfig, token_digest
from tests.scim_operator.manifests.reading import ATTRIBUTE_MAPPING, CONFIG, ROLE_MAPPING, SECRET
from tests.support.warm_programs import run_program

SCRIPT = Path(sys.executable).with_name("scim-operator")
TOKEN = "a-token-of-some-length"
KEY = "0123456789abcdef" * 4


def scim_operator(*arguments: str | Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
    environment = {"COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb"}
    return run_program("scim-operator", *arguments, stdin=stdin, environment=environment)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "config.yaml").write_text(f"{CONFIG}---\n{SECRET}")
    (tmp_path / "mappings.yaml").write_text(f"{ROLE_MAPPING}---\n{ATTRIBUTE_MAPPING}")
    return tmp_path


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

    assert (result.returncode, result.stdout) == (1, "")
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
