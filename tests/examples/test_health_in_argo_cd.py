"""The health of our kinds in Argo CD, by its own Lua, of statuses as the operator writes them."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from scim_operator.api import reasons
from tests.checkers.build import CHECKERS
from tests.examples.folders import ROOT
from tests.support import written_statuses as written

HEALTH = yaml.safe_load((ROOT / "examples/gitops/argocd/health.yaml").read_text())
KEY = "resource.customizations.health.scim-operator.io_"


@pytest.mark.parametrize(
    ("item", "status", "message"),
    [
        (written.UNSEEN, "Progressing", "the operator has not looked at it yet"),
        (written.CHANGED, "Progressing", "the operator has not looked at the latest change yet"),
        (written.ON_ITS_WAY, "Progressing", "1 of 2 servers doesn't answer"),
        (written.SERVED, "Healthy", "every ready server runs it"),
        (written.IN_A_FULL_SHARD, "Degraded", "doesn't fit"),
        (written.WITHOUT_ITS_SECRET, "Degraded", "Secret acme/x was not found"),
        (written.INVALID, "Degraded", "spec.baseRoles[0]: no such role"),
        (written.WITH_A_WRONG_MAPPING, "Degraded", "see RoleMapping acme/x"),
        (written.SUSPENDED, "Suspended", "every ready server runs it"),
        (written.MAPPING, "Healthy", "every ready server runs it"),
        (written.MAPPING_ON_ITS_WAY, "Progressing", "1 of 2 servers doesn't answer"),
        (written.MAPPING_IN_A_FULL_SHARD, "Degraded", "doesn't fit"),
        (written.MISSPELT, "Degraded", 'role "admni" is not in the catalogue'),
        (written.MISSPELT_IN_PART, "Degraded", 'role "admni" is not in the catalogue'),
        (written.WAITING, "Progressing", "there is no ProvisioningConfig acme/okta"),
        (written.MAPPING_OF_SUSPENDED, "Suspended", "the ProvisioningConfig is suspended"),
    ],
)
def test_health(item: dict[str, Any], status: str, message: str, tmp_path: Path) -> None:
    health = run_lua(HEALTH["data"][KEY + item["kind"]], item, tmp_path)
    assert health[0] == status
    assert message in health[1]


def test_every_name_in_it_is_one_that_the_operator_writes() -> None:
    """A reason of another name would leave an object "Progressing" for ever."""
    script = HEALTH["data"][f"{KEY}ProvisioningConfig"]
    names = set(re.findall(r'(?:is\(|reason == |conditions\[)"(\w+)"', script))
    assert len(names) >= 8
    assert names <= {value for value in vars(reasons).values() if isinstance(value, str)}


def test_all_three_kinds_have_it() -> None:
    assert (HEALTH["kind"], HEALTH["metadata"]["name"]) == ("ConfigMap", "argocd-cm")
    kinds = ("ProvisioningConfig", "RoleMapping", "AttributeMapping")
    assert set(HEALTH["data"]) == {KEY + kind for kind in kinds}
    assert len(set(HEALTH["data"].values())) == 1


def run_lua(script: str, item: dict[str, Any], directory: Path) -> list[str]:
    """Status and message that it returns. Argo CD opens no more of Lua's libraries than this."""
    program = directory / "health.lua"
    program.write_text(
        "local print = print\n"
        "os, io, debug, package, require, coroutine, string, math = nil\n"
        f"obj = {_lua(item)}\n"
        f"local function health()\n{script}\nend\n"
        "local found = health()\n"
        "print(found.status)\nprint(found.message)\n"
    )
    glua = CHECKERS.built() / "glua"
    ended = subprocess.run([glua, program], check=True, capture_output=True, text=True, timeout=60)
    return ended.stdout.splitlines()


def _lua(value: Any) -> str:
    """A value of JSON as Lua writes it."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"[{_lua(key)}] = {_lua(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "{" + ", ".join(map(_lua, value)) + "}"
    if value is None:
        return "nil"
    return json.dumps(value)
