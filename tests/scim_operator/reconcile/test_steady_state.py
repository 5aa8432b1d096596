"""What costs writes: whatever revisions, sizes, replicas and readiness do, only a truth that changed does."""

import ast
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import scim_operator
from scim_operator.api import Condition, reasons
from scim_operator.delivery import Fault, Progress, Replica
from scim_operator.delivery.report import DeliveryReport, ReplicaState, ShardState, report
from scim_operator.plan import ConfigVerdict, MappingVerdict
from scim_operator.reconcile.status import Programmed, config_status, differs, mapping_status, programmed
from tests.scim_operator.reconcile.conftest import World

NOW = datetime(2026, 11, 28, tzinfo=UTC)
SHARD = 3
METADATA = {"namespace": "acme", "name": "okta", "generation": 1, "uid": "u"}


@dataclass(frozen=True)
class Variation:
    """Figures that may change while the truth doesn't."""

    revision: int
    replicas: int
    port: int
    unready: int


VARIATIONS = [Variation(*each) for each in itertools.product((3, 700), (1, 5), (8081, 54603), (0, 2))]

States = Callable[[Variation], list[ReplicaState]]


def states(change: Callable[[ReplicaState, Variation], ReplicaState]) -> States:
    """Ready replicas that run the revision, with `change` made to one; and some that aren't ready."""

    def made(variation: Variation) -> list[ReplicaState]:
        def one(number: int, ready: bool) -> ReplicaState:
            name = f"10.0.0.{number}:{variation.port}"
            revision = variation.revision
            shards = {SHARD: ShardState(revision, revision, revision)} if ready else {}
            return ReplicaState(Replica(f"http://{name}", name, ready), shards)

        ready = [one(number, True) for number in range(variation.replicas)]
        unready = [replace(one(100 + number, False), problem=Fault.NO_ANSWER) for number in range(variation.unready)]
        return [change(ready[0], variation), *ready[1:], *unready]

    return made


def of_shard(state: ReplicaState, detail: str = "", **changes: Any) -> ReplicaState:
    return replace(state, shards={SHARD: replace(state.of(SHARD), **changes)}, detail=detail)


def reported(variation: Variation, made: States) -> DeliveryReport:
    return report(SHARD, variation.revision, variation.revision, made(variation))


DELIVERIES: dict[str, tuple[str, States]] = {
    "programmed": (reasons.SUCCEEDED, states(lambda state, _: state)),
    "settling": (
        reasons.IN_PROGRESS,
        states(lambda state, variation: of_shard(state, applied_revision=variation.revision - 1)),
    ),
    "waiting": (
        reasons.IN_PROGRESS,
        states(lambda state, variation: of_shard(state, revision=variation.revision - 1)),
    ),
    "stale": (reasons.IN_PROGRESS, states(lambda state, variation: of_shard(state, floor=variation.revision + 9))),
    "no replicas": (
        reasons.NO_REPLICAS,
        lambda variation: states(lambda state, _: state)(variation)[variation.replicas :],
    ),
    **{
        f"refused: {fault}": (
            reasons.REPLICA_REJECTED,
            states(lambda state, _, fault=fault: of_shard(state, revision=1, refusal=fault, detail="1 of 77")),  # type: ignore[misc]
        )
        for fault in (Fault.CONFIG_REFUSED, Fault.TOO_OLD)
    },
    **{
        f"unavailable: {fault}": (
            reasons.REPLICA_UNAVAILABLE,
            states(lambda state, _, fault=fault: replace(state, problem=fault, detail="10.0.0.1")),  # type: ignore[misc]
        )
        for fault in Fault
    },
}


@pytest.mark.parametrize("name", DELIVERIES)
def test_a_condition_of_the_delivery_says_no_figure(name: str) -> None:
    reason, made = DELIVERIES[name]
    said = {programmed(reported(each, made)) for each in VARIATIONS}
    (only,) = said
    assert only.condition.reason == reason
    assert not any(character.isdigit() for character in only.condition.message)


FINE = Condition.of(reasons.STALLED, False, reasons.NOT_STALLED, "the spec is valid")
RESOLVED = Condition.of(reasons.RESOLVED_REFS, True, reasons.RESOLVED_REFS, "all credentials can be used")

READY = Condition.of(reasons.READY, True, reasons.SUCCEEDED, "all mappings are in effect as declared")

ALL = {value for name, value in vars(reasons).items() if name.isupper() and isinstance(value, str)}
OF_THE_PLAN = ALL - {reason for reason, _ in DELIVERIES.values()}
"""Reasons and types that the plan decides on, which knows no revision, no size and no replica (see the next test)."""


def test_the_plan_knows_nothing_that_varies() -> None:
    """Conditions are built in the plan, which is pure and given none of these, and in `reconcile/status.py`, which
    the tests here go through: a new place has to be looked at."""
    root = Path(scim_operator.__file__).parent
    builders = {path.relative_to(root).as_posix() for path in root.rglob("*.py") if _builds_conditions(path)}
    assert {path for path in builders if not path.startswith("plan/")} == {"reconcile/status.py"}
    for path in (root / "plan").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module is not None:
                assert not node.module.startswith(("scim_operator.delivery", "scim_operator.reconcile"))


def _builds_conditions(path: Path) -> bool:
    calls = (node.func for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call))
    return any(
        (isinstance(call, ast.Name) and call.id == "Condition")
        or (isinstance(call, ast.Attribute) and isinstance(call.value, ast.Name) and call.value.id == "Condition")
        for call in calls
    )


def statuses(
    reason: str, delivered: Programmed, existing: Sequence[dict[str, Any] | None], now: datetime
) -> list[dict[str, Any]]:
    """Of configs and mappings for which the plan has found `reason`."""
    verdicts = [
        (Condition.of(reasons.STALLED, True, reason, "why"), RESOLVED),
        (FINE, Condition.of(reasons.RESOLVED_REFS, False, reason, "why")),
        (FINE, RESOLVED),
    ]
    raws = [{"metadata": METADATA, "status": status} for status in existing]
    configs = [
        config_status(
            raw,
            ConfigVerdict(resolved, stalled, mappings=1, mappings_ready=READY, credentials=()),
            delivered,
            revision=3,
            endpoint="/",
            tenant=None,
            now=now,
        )
        for raw, (stalled, resolved) in zip(raws, verdicts, strict=False)
    ]
    mappings = [
        mapping_status(raw, MappingVerdict(accepted, in_effect, reason, "why"), delivered, now)
        for raw, (accepted, in_effect) in zip(raws[3:], itertools.product((True, False), repeat=2), strict=True)
    ]
    return configs + mappings


@pytest.mark.parametrize("reason", sorted(OF_THE_PLAN))
def test_no_status_is_written_for_figures(reason: str) -> None:
    for _, made in DELIVERIES.values():
        before: list[Any] = [None] * 7
        for step, each in enumerate(VARIATIONS):
            after = statuses(reason, programmed(reported(each, made)), before, NOW + timedelta(minutes=step))
            assert step == 0 or not any(differs(*pair) for pair in zip(before, after, strict=True))
            before = list(after)


def test_every_reason_and_every_progress_was_gone_through() -> None:
    assert {reason for reason, _ in DELIVERIES.values()} < ALL
    assert {reported(VARIATIONS[0], made).progress for _, made in DELIVERIES.values()} == set(Progress)


async def test_readiness_that_flips_costs_no_write(world: World) -> None:
    """Two replicas; one is taken for unready and ready again, six times, and reconciled each time."""
    world.apply(world.secret(), world.config(), world.mapping())
    await world.reconcile()
    world.client.statuses.clear()
    (replica,) = world.delivery.replicas
    for _ in range(6):
        for ready in (False, True):
            world.delivery.set_discovered([Replica("http://127.0.0.1:1", "another", ready=False)])
            world.delivery.set_discovered([replace(replica, ready=ready)])
            if ready:
                assert [key for key, _ in world.reconciler.outdated()] == []
                await world.reconcile()
    assert world.client.statuses == []


async def test_the_revision_of_another_tenant_concerns_nobody_else(world: World) -> None:
    name = world.neighbour()
    world.apply(world.secret(), world.config(), world.secret(name), world.config(name))
    neighbour = world.okta._replace(name=name)
    await world.reconcile()
    await world.reconcile(neighbour)
    outdated: list[Any] = []
    world.delivery.on_change = lambda: outdated.extend(world.reconciler.outdated())
    for number in range(3):
        world.apply(world.config(name, displayName=f"Renamed {number}"))
        await world.reconcile(neighbour)
    assert outdated == []
