"""What one AttributeMapping adds, as far as no older mapping claims it: attributes by target, schemas by URN."""

from collections.abc import Mapping
from dataclasses import dataclass

from scim_operator.api import AttributeMapping, reasons
from scim_operator.plan.verdicts import MappingVerdict, Problem
from scim_server.config import AttributeRule, ExtensionSchema


@dataclass(frozen=True, slots=True)
class Claims:
    """The mapping that has each target, and each schema by its URN in lower case."""

    targets: Mapping[str, AttributeMapping]
    schemas: Mapping[str, AttributeMapping]


@dataclass(frozen=True, slots=True)
class PlannedAttributes:
    """What of a mapping is in effect."""

    rules: tuple[AttributeRule, ...]
    schemas: tuple[ExtensionSchema, ...]


def plan_attribute_mapping(mapping: AttributeMapping, claims: Claims) -> tuple[PlannedAttributes, MappingVerdict]:
    """What is in effect, and the verdict."""
    rules: list[AttributeRule] = []
    schemas: list[ExtensionSchema] = []
    problems: list[Problem] = []
    for index, schema in enumerate(mapping.spec.schemas):
        winner = claims.schemas[schema.id.lower()]
        if winner.key == mapping.key:
            declared = schema.model_dump(by_alias=True) | {"mapping": str(mapping.key)}
            schemas.append(ExtensionSchema.model_validate(declared))
        else:
            message = f'schema "{schema.id}" is declared by the older AttributeMapping {winner.key}'
            problems.append(Problem(("spec", "schemas", index, "id"), reasons.CONFLICT, message))
    for index, attribute in enumerate(mapping.spec.attributes):
        winner = claims.targets[attribute.target]
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
    what = "attributes and schemas" if mapping.spec.schemas else "attributes"
    verdict = MappingVerdict.of_parts(what, len(rules) + len(schemas), problems)
    return PlannedAttributes(tuple(rules), tuple(schemas)), verdict
