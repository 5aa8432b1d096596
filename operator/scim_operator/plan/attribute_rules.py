"""What one AttributeMapping adds, as far as no older mapping claims it: attributes by target, schemas by URN."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from scim_operator.api import AttributeMapping, AttributeSource, FieldPath, ObjectKey, did_you_mean, reasons
from scim_operator.api.extension_schema import SchemaDeclaration
from scim_operator.plan.conflicts import schema_winners, winners
from scim_operator.plan.expressions import expression_error
from scim_operator.plan.selectors import broken_patterns, contract_selector
from scim_operator.plan.verdicts import MappingVerdict, Problem
from scim_server.config import AttributeRule, ExtensionSchema, GroupValue, UserAttributes


@dataclass(frozen=True, slots=True)
class Kept:
    """What mappings that don't parse go on giving, as it is delivered."""

    rules: tuple[AttributeRule, ...] = ()
    schemas: tuple[ExtensionSchema, ...] = ()

    @classmethod
    def of(cls, rules: Iterable[AttributeRule], schemas: Iterable[ExtensionSchema], mappings: set[str]) -> Self:
        return cls(
            tuple(rule for rule in rules if rule.mapping in mappings),
            tuple(schema for schema in schemas if schema.mapping in mappings),
        )


@dataclass(frozen=True, slots=True)
class Claims:
    """Who has what, of all the mappings of a tenant. What is kept for a mapping that doesn't parse stays its own."""

    targets: Mapping[str, ObjectKey]
    """The mapping that has each target."""

    schemas: Mapping[str, ObjectKey]
    """The mapping that declares each schema, by URN in lower case."""

    attributes: UserAttributes
    """What a path or an expression can name."""

    @classmethod
    def of(cls, mappings: Sequence[AttributeMapping], kept: Kept) -> Self:
        targets = {target: mapping.key for target, mapping in winners(mappings).items()}
        targets |= {rule.target: ObjectKey.parse(rule.mapping) for rule in kept.rules}
        schemas = {urn: mapping.key for urn, mapping in schema_winners(mappings).items()}
        schemas |= {schema.id.lower(): ObjectKey.parse(schema.mapping) for schema in kept.schemas}
        declared = [
            _declared(mapping, schema)
            for mapping in mappings
            for schema in mapping.spec.schemas
            if schemas[schema.id.lower()] == mapping.key
        ]
        return cls(targets, schemas, UserAttributes((*declared, *kept.schemas)))


@dataclass(frozen=True, slots=True)
class PlannedAttributes:
    """What of a mapping is in effect."""

    rules: tuple[AttributeRule, ...]
    schemas: tuple[ExtensionSchema, ...]


def plan_attribute_mapping(
    mapping: AttributeMapping, claims: Claims, delivered: Mapping[str, AttributeRule]
) -> tuple[PlannedAttributes, MappingVerdict]:
    """What is in effect, and the verdict. `delivered`: the attributes of the mapping that are in effect now, by
    target; one that can't be used keeps the source that it had."""
    rules: list[AttributeRule] = []
    schemas: list[ExtensionSchema] = []
    problems: list[Problem] = []
    intact = 0
    for index, schema in enumerate(mapping.spec.schemas):
        winner = claims.schemas[schema.id.lower()]
        if winner == mapping.key:
            schemas.append(_declared(mapping, schema))
            intact += 1
        else:
            message = f'schema "{schema.id}" is declared by the older AttributeMapping {winner}'
            problems.append(Problem(("spec", "schemas", index, "id"), reasons.CONFLICT, message))
    for index, attribute in enumerate(mapping.spec.attributes):
        winner, path = claims.targets[attribute.target], ("spec", "attributes", index)
        if winner != mapping.key:
            message = f'target "{attribute.target}" belongs to the older AttributeMapping {winner}'
            problems.append(Problem((*path, "target"), reasons.CONFLICT, message))
        elif faults := _faults(attribute, claims.attributes):
            before = delivered.get(attribute.target)
            rules += [before] if before is not None else []
            effect = _effect(attribute, before)
            problems += [Problem((*path, *field), reason, message, effect) for field, reason, message in faults]
        else:
            rules.append(_rule(mapping, attribute))
            intact += 1
    what = "attributes and schemas" if mapping.spec.schemas else "attributes"
    reason = problems[0].reason if problems else reasons.ACCEPTED
    verdict = MappingVerdict.of_parts(what, bool(rules or schemas), intact, problems, reason)
    return PlannedAttributes(tuple(rules), tuple(schemas)), verdict


def _faults(attribute: AttributeSource, attributes: UserAttributes) -> list[tuple[FieldPath, str, str]]:
    """Field, reason and message of everything for which the attribute can't be used."""
    if attribute.path is not None and not attributes.know(attribute.path):
        message = f'path "{attribute.path}" names no attribute of a user by the standard or a declared schema'
        message += did_you_mean(*attributes.alternatives(attribute.path))
        return [(("path",), reasons.ATTRIBUTE_NOT_FOUND, message)]
    if attribute.expression is not None:
        error = expression_error(attribute.expression, attributes)
        message = f'target "{attribute.target}": expression: {error}'
        return [(("expression",), reasons.INVALID_EXPRESSION, message)] if error is not None else []
    broken = broken_patterns([entry.group for entry in attribute.from_groups])
    return [
        (
            ("fromGroups", index, "group", "displayNamePattern"),
            reasons.INVALID_PATTERN,
            f'target "{attribute.target}": {error}',
        )
        for index, error in broken.items()
    ]


def _rule(mapping: AttributeMapping, attribute: AttributeSource) -> AttributeRule:
    return AttributeRule(
        mapping=str(mapping.key),
        target=attribute.target,
        path=attribute.path,
        expression=attribute.expression,
        from_groups=tuple(
            GroupValue(group=contract_selector(entry.group), value=entry.value) for entry in attribute.from_groups
        ),
        default=attribute.default,
        update=attribute.update,
        on_missing=attribute.on_missing,
    )


def kept_schemas(
    delivered: Iterable[ExtensionSchema], schemas: Iterable[ExtensionSchema], rules: Iterable[AttributeRule]
) -> tuple[ExtensionSchema, ...]:
    """Delivered schemas that are no longer declared and that `rules` still read."""
    declared = {schema.id.lower() for schema in schemas}
    paths = [rule.path.lower() for rule in rules if rule.path is not None]
    expressions = [rule.expression.lower() for rule in rules if rule.expression is not None]
    return tuple(
        schema
        for schema in delivered
        if (urn := schema.id.lower()) not in declared
        and (any(path.startswith(f"{urn}:") for path in paths) or any(urn in text for text in expressions))
    )


def _effect(attribute: AttributeSource, before: AttributeRule | None) -> str:
    if before is None:
        return f'target "{attribute.target}" is left out'
    if before.path is not None:
        source = before.path
    elif before.expression is not None:
        source = "the expression that it had"
    else:
        source = "the groups that it had" if before.from_groups else "its default"
    return f'target "{attribute.target}" keeps coming from {source}'


def _declared(mapping: AttributeMapping, schema: SchemaDeclaration) -> ExtensionSchema:
    return ExtensionSchema.model_validate(schema.model_dump(by_alias=True) | {"mapping": str(mapping.key)})
