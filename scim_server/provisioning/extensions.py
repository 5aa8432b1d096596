"""A tenant's own extension schemas, as its configuration declares them, in the form of the protocol."""

from collections.abc import Iterable

from scim_server.config import ExtendedResource, ExtensionAttribute, ExtensionSchema, ExtensionSubAttribute
from scim_server.scim.schema import Attribute, Schema


def extensions_of(schemas: Iterable[ExtensionSchema], resource_type: ExtendedResource) -> list[Schema]:
    """Those of a resource type."""
    return [
        Schema(
            schema.id,
            schema.name or schema.id.rpartition(":")[2],
            schema.description,
            tuple(_attribute(attribute) for attribute in schema.attributes),
        )
        for schema in schemas
        if schema.resource_type is resource_type
    ]


def _attribute(declared: ExtensionAttribute | ExtensionSubAttribute) -> Attribute:
    parts = declared.sub_attributes if isinstance(declared, ExtensionAttribute) else ()
    return Attribute(
        declared.name,
        declared.type.value,
        declared.description,
        multi_valued=declared.multi_valued,
        required=declared.required,
        case_exact=declared.case_exact,
        reference_types=("uri",) if declared.type == "reference" else (),
        sub_attributes=tuple(_attribute(part) for part in parts),
    )
