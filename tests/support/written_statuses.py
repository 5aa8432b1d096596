"""Custom resources with statuses as the operator writes them, for tests of what reads statuses."""

from datetime import UTC, datetime
from typing import Any

from scim_operator.api import Condition, reasons
from scim_operator.delivery import DeliveryReport, Progress
from scim_operator.plan import ConfigVerdict, MappingVerdict
from scim_operator.reconcile.status import (
    Programmed,
    config_status,
    mapping_status,
    programmed,
    shard_full,
    suspended_config_status,
    suspended_mapping_status,
)

NOW = datetime(2026, 11, 28, 12, 0, 0, tzinfo=UTC)
_GENERATION = 3
_ENDPOINT = "https://scim.acme.example/acme/okta/scim/v2"

_RUNS = programmed(DeliveryReport(Progress.PROGRAMMED, "every ready server runs it"))
_ON_ITS_WAY = programmed(DeliveryReport(Progress.UNAVAILABLE, "1 of 2 servers doesn't answer"))
_DOES_NOT_FIT = shard_full("its part of the configuration doesn't fit", _RUNS)
_RESOLVED = Condition.of(reasons.RESOLVED_REFS, True, reasons.RESOLVED_REFS, "")
_FINE = Condition.of(reasons.STALLED, False, reasons.NOT_STALLED, "")
_AS_DECLARED = Condition.of(reasons.READY, True, reasons.SUCCEEDED, "")
_NO_SECRET = Condition.of(reasons.RESOLVED_REFS, False, reasons.SECRET_NOT_FOUND, "Secret acme/x was not found")
_INVALID = Condition.of(reasons.STALLED, True, reasons.INVALID_SPEC, "spec.baseRoles[0]: no such role")
_ANOTHER_IS_WRONG = Condition.of(reasons.READY, False, reasons.MAPPINGS_NOT_AS_DECLARED, "see RoleMapping acme/x")
_TYPO = (reasons.ROLE_NOT_FOUND, 'role "admni" is not in the catalogue')
_WAITING = (reasons.CONFIG_NOT_FOUND, "there is no ProvisioningConfig acme/okta")


def _unseen(kind: str, **spec: Any) -> dict[str, Any]:
    metadata = {"namespace": "acme", "name": "okta", "generation": _GENERATION}
    return {"kind": kind, "metadata": metadata, "spec": spec, "status": {"observedGeneration": -1}}


def _config(
    *,
    resolved: Condition = _RESOLVED,
    stalled: Condition = _FINE,
    mappings: Condition = _AS_DECLARED,
    delivered: Programmed = _RUNS,
) -> dict[str, Any]:
    raw = _unseen("ProvisioningConfig", provider="Okta")
    verdict = ConfigVerdict(resolved, stalled, mappings=1, mappings_ready=mappings, credentials=())
    status = config_status(raw, verdict, delivered, revision=1, endpoint=_ENDPOINT, tenant=None, now=NOW)
    return {**raw, "status": status}


def _mapping(
    kind: str, reason: str, message: str = "", *, in_effect: bool = False, delivered: Programmed = _RUNS
) -> dict[str, Any]:
    raw = _unseen(kind, configRef={"name": "okta"})
    verdict = MappingVerdict(reason == reasons.ACCEPTED, in_effect, reason, message)
    return {**raw, "status": mapping_status(raw, verdict, delivered, NOW)}


SERVED = _config()
UNSEEN = _unseen("ProvisioningConfig", provider="Okta")
CHANGED = {**SERVED, "metadata": SERVED["metadata"] | {"generation": _GENERATION + 1}}
ON_ITS_WAY = _config(delivered=_ON_ITS_WAY)
IN_A_FULL_SHARD = _config(delivered=_DOES_NOT_FIT)
WITHOUT_ITS_SECRET = _config(resolved=_NO_SECRET)
INVALID = _config(stalled=_INVALID)
WITH_A_WRONG_MAPPING = _config(mappings=_ANOTHER_IS_WRONG)
SUSPENDED = {
    **SERVED,
    "spec": SERVED["spec"] | {"suspend": True},
    "status": suspended_config_status(SERVED, True, NOW),
}

MAPPING = _mapping("RoleMapping", reasons.ACCEPTED, in_effect=True)
MAPPING_ON_ITS_WAY = _mapping("AttributeMapping", reasons.ACCEPTED, in_effect=True, delivered=_ON_ITS_WAY)
MAPPING_IN_A_FULL_SHARD = _mapping("RoleMapping", reasons.ACCEPTED, in_effect=True, delivered=_DOES_NOT_FIT)
MISSPELT = _mapping("RoleMapping", *_TYPO)
MISSPELT_IN_PART = _mapping("RoleMapping", *_TYPO, in_effect=True)
WAITING = _mapping("RoleMapping", *_WAITING)
MAPPING_OF_SUSPENDED = {**MAPPING, "status": suspended_mapping_status(UNSEEN, NOW)}
