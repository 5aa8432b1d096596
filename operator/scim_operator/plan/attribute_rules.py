"""The attributes of one AttributeMapping, as far as no older mapping claims their targets."""

from collections.abc import Mapping

from scim_operator.api import AttributeMapping, reasons
from scim_operator.plan.verdicts import MappingVerdict, Problem
from scim_server.config import AttributeRule


def plan_attribute_mapping(
    mapping: AttributeMapping, winners: Mapping[str, AttributeMapping]
) -> tuple[tuple[AttributeRule, ...], MappingVerdict]:
    """The attributes that are in effect, and the verdict. `winners` says who has each target."""
    rules: list[AttributeRule] = []
    problems: list[Problem] = []
    for index, attribute in enumerate(mapping.spec.attributes):
        winner = winners[attribute.target]
        if winner.key == mapping.key:
            rules.append(
                AttributeRule(
                    mapping=str(mapping.key),
                    target=attribute.target,
                    path=attribute.path,
                    default=attribute.default,
                )
            )
        else:
            message = f'target "{attribute.target}" belongs to the older AttributeMapping {winner.key}'
            problems.append(Problem(("spec", "attributes", index, "target"), reasons.CONFLICT, message))
    return tuple(rules), MappingVerdict.of_parts("attributes", len(rules), problems)
