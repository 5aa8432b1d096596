"""What a status can say: types and reasons of conditions, from the module that has them all."""

from itertools import groupby

from documentation.constants import Constant, documented_constants
from documentation.markdown import GENERATED, code, table, text
from scim_operator.api import reasons
from scim_operator.delivery import faults

_INTRODUCTION = """\
# Conditions and reasons

`kubectl describe` shows the conditions of an object with their messages; `kubectl get … -o wide` the message of
`Ready`. A message names the rule, role, Secret or replica that it is about. Where a user lacks a role, begin with
[A user has no role](../how-to/debug-a-missing-role.md).
"""

_REASONS = """\
## Reasons

Of a condition that is as it should be, the reason is its own type, or `Succeeded`.
"""

_FAULTS = """\
## Faults of a replica

The words that `Programmed` and `Reconciling` use for what is wrong with a server replica. Which replica it is, and
the particulars, are in the operator's log and in the metric `scim_operator_replica_fault{replica,fault}`.
"""


def page() -> str:
    types, *sections = (
        (heading.partition(".")[0], list(constants))
        for heading, constants in groupby(documented_constants(reasons), key=lambda constant: constant.section)
    )
    parts = [GENERATED, _INTRODUCTION, "## Types\n"]
    parts.append(table(["type", "what"], _rows(types[1])))
    parts.append(
        "## Reasons\n\nOf a condition that is as it should be, the reason is its own type, or `Succeeded`.\n"
    )
    for heading, constants in sections:
        parts.append(f"### {text(heading)}\n")
        parts.append(table(["reason", "what it means"], _rows(constants)))
    parts.append(_FAULTS)
    kinds = documented_constants(faults, "Fault")
    parts.append(table(["fault", "what it means"], [[text(kind.value), text(kind.meaning)] for kind in kinds]))
    return "\n".join(parts)


def _rows(constants: list[Constant]) -> list[list[str]]:
    return [[code(each.value), text(each.meaning)] for each in constants]
