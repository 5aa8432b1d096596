"""The health of our kinds in Argo CD, by its own Lua, of statuses as the operator writes them."""

import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from scim_operator.api import Condition, reasons
from scim_operator.delivery import DeliveryReport, Progress
from scim_operator.plan import ConfigVerdict, MappingVerdict
from scim_operator.reconcile.status import (
    config_status,
    mapping_status,
    programmed,
    suspended_config_status,
    suspended_mapping_status,
)
from tests.checkers.build import CHECKERS
from tests.examples.folders import ROOT

HEALTH = yaml.safe_load((ROOT / "examples/gitops/argocd/health.yaml").read_text())
KEY = "resource.customizations.health.scim-operator.io_"
NOW = datetime(2026, 11, 28, 12, 0, 0, tzinfo=UTC)
GENERATION = 3

RUNS = programmed(DeliveryReport(Progress.PROGRAMMED, "every ready server runs it"))
RESOLVED = Condition.of(reasons.RESOLVED_REFS, True, reasons.RESOLVED_REFS, "")
FINE = Condition.of(reasons.STALLED, False, reasons.NOT_STALLED, "")
AS_DECLARED = Condition.of(reasons.READY, True, reasons.SUCCEEDED, "")


def raw(**spec: Any) -> dict[str, Any]:
    metadata = {"namespace": "acme", "name": "okta", "generation": GENERATION}
    return {"metadata": metadata, "spec": spec, "status": {"observedGeneration": -1}}


def config(
    *, resolved: Condition = RESOLVED, stalled: Condition = FINE, mappings: Condition = AS_DECLARED, to: Any = RUNS
) -> dict[str, Any]:
    verdict = ConfigVerdict(resolved, stalled, mappings=1, mappings_ready=mappings, credentials=())
    status = config_status(raw(), verdict, to, revision=1, endpoint="/x", tenant=None, now=NOW)
    return {**raw(), "status": status}


def mapping(reason: str, message: str = "", *, in_effect: bool = False, to: Any = RUNS) -> dict[str, Any]:
    verdict = MappingVerdict(reason == reasons.ACCEPTED, in_effect, reason, message)
    return {**raw(), "status": mapping_status(raw(), verdict, to, NOW)}


def no(kind: str, reason: str, message: str) -> Condition:
    return Condition.of(kind, False, reason, message)


ACCEPTED = reasons.ACCEPTED
TYPO = (reasons.ROLE_NOT_FOUND, 'role "admni" is not in the catalogue')
WAITING = (reasons.CONFIG_NOT_FOUND, "there is no ProvisioningConfig acme/okta")
NO_SECRET = no(reasons.RESOLVED_REFS, reasons.SECRET_NOT_FOUND, "Secret acme/x was not found")
INVALID = Condition.of(reasons.STALLED, True, reasons.INVALID_SPEC, "spec.baseRoles[0]: no such role")
ANOTHER_IS_WRONG = no(reasons.READY, reasons.MAPPINGS_NOT_AS_DECLARED, "RoleMapping acme/x: RoleNotFound")
ON_ITS_WAY = programmed(DeliveryReport(Progress.UNAVAILABLE, "1 of 2 servers doesn't answer"))
SERVED = config()


@pytest.mark.parametrize(
    ("kind", "item", "status", "message"),
    [
        ("ProvisioningConfig", raw(), "Progressing", "the operator has not looked at it yet"),
        ("ProvisioningConfig", SERVED, "Healthy", "every ready server runs it"),
        (
            "ProvisioningConfig",
            {**SERVED, "metadata": {"generation": GENERATION + 1}},
            "Progressing",
            "the operator has not looked at the latest change yet",
        ),
        ("ProvisioningConfig", config(to=ON_ITS_WAY), "Progressing", "1 of 2 servers doesn't answer"),
        ("ProvisioningConfig", config(resolved=NO_SECRET), "Degraded", "Secret acme/x was not found"),
        ("ProvisioningConfig", config(stalled=INVALID), "Degraded", "spec.baseRoles[0]: no such role"),
        ("ProvisioningConfig", config(mappings=ANOTHER_IS_WRONG), "Degraded", "RoleMapping acme/x: RoleNotFound"),
        (
            "ProvisioningConfig",
            {**SERVED, "status": suspended_config_status(SERVED, True, NOW)},
            "Suspended",
            "every ready server runs it",
        ),
        ("RoleMapping", mapping(ACCEPTED, in_effect=True), "Healthy", "every ready server runs it"),
        ("RoleMapping", mapping(*TYPO), "Degraded", 'role "admni" is not in the catalogue'),
        ("RoleMapping", mapping(*TYPO, in_effect=True), "Degraded", 'role "admni" is not in the catalogue'),
        ("RoleMapping", mapping(*WAITING), "Progressing", "there is no ProvisioningConfig acme/okta"),
        ("AttributeMapping", mapping(ACCEPTED, in_effect=True, to=ON_ITS_WAY), "Progressing", "1 of 2 servers"),
        (
            "AttributeMapping",
            {**raw(), "status": suspended_mapping_status(raw(), NOW)},
            "Suspended",
            "the ProvisioningConfig is suspended",
        ),
    ],
)
def test_health(kind: str, item: dict[str, Any], status: str, message: str, tmp_path: Path) -> None:
    health = run_lua(HEALTH["data"][KEY + kind], item, tmp_path)
    assert health[0] == status
    assert message in health[1]


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
