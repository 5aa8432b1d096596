"""What one AttributeMapping adds, as far as no older mapping claims it: attributes by target, schemas by URN."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from scim_operator.api import AttributeMapping, reasons
from scim_operator.api.extension_schema import SchemaDeclaration
from scim_operator.plan.conflicts import schema_winners, winners
from scim_operator.plan.verdicts import MappingVerdict, Problem
from scim_server.config import AttributeRule, ExtensionSchema, UserAttributes


@dataclass(frozen=True, slots=True)
class Claims:
    """Who has what, of all the mappings of a tenant."""

    targets: Mapping[str, AttributeMapping]
    """The mapping that has each target."""

    schemas: Mapping[str, AttributeMapping]
    """The mapping that declares each schema, by URN in lower case."""

    attributes: UserAttributes
    """What a path can name."""

    @classmethod
    def of(cls, mappings: Sequence[AttributeMapping]) -> Self:
        schemas = schema_winners(mappings)
        declared = [
            _declared(mapping, schema)
            for mapping in mappings
            for schema in mapping.spec.schemas
            if schemas[schema.id.lower()].key == mapping.key
        ]
        return cls(winners(mappings), schemas, UserAttributes(declared))


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
            schemas.append(_declared(mapping, schema))
        else:
            message = f'schema "{schema.id}" is declared by the older AttributeMapping {winner.key}'
            problems.append(Problem(("spec", "schemas", index, "id"), reasons.CONFLICT, message))
    for index, attribute in enumerate(mapping.spec.attributes):
        winner = claims.targets[attribute.target]
        if winner.key != mapping.key:
            message = f'target "{attribute.target}" belongs to the older AttributeMapping {winner.key}'
            problems.append(Problem(("spec", "attributes", index, "target"), reasons.CONFLICT, message))
        elif attribute.path is not None and not claims.attributes.know(attribute.path):
            message = f'path "{attribute.path}" names no attribute of a user by the standard or a declared schema'
            problems.append(Problem(("spec", "attributes", index, "path"), reasons.ATTRIBUTE_NOT_FOUND, message))
        else:
            rules.append(
                AttributeRule(
                    mapping=str(mapping.key),
                    target=attribute.target,
                    path=attribute.path,
                    default=attribute.default,
                )
            )
    what = "attributes and schemas" if mapping.spec.schemas else "attributes"
    verdict = MappingVerdict.of_parts(what, len(rules) + len(schemas), problems)
    return PlannedAttributes(tuple(rules), tuple(schemas)), verdict


def _declared(mapping: AttributeMapping, schema: SchemaDeclaration) -> ExtensionSchema:
    return ExtensionSchema.model_validate(schema.model_dump(by_alias=True) | {"mapping": str(mapping.key)})
