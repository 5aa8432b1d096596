"""Schemas, attributes and resource types (RFC 7643 §2, §6, §7).

Everything is immutable. A tenant with its own extension schemas gets its own `ResourceType`, built from a
list of schemas; nothing is registered globally. Names compare without case (RFC 7643 §2.1), so every object
carries its look-ups, computed once.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

JsonObject = dict[str, Any]
"""A JSON object as read from or written to the wire: the only place where `Any` is meant."""

AttributeType = Literal["string", "boolean", "decimal", "integer", "dateTime", "reference", "complex", "binary"]
Mutability = Literal["readOnly", "readWrite", "immutable", "writeOnly"]
Returned = Literal["always", "never", "default", "request"]
Uniqueness = Literal["none", "server", "global"]

SCHEMA_URN = "urn:ietf:params:scim:schemas:core:2.0:Schema"
RESOURCE_TYPE_URN = "urn:ietf:params:scim:schemas:core:2.0:ResourceType"


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute with its characteristics (RFC 7643 §2.2, §7), defaults as in the RFC."""

    name: str
    type: AttributeType = "string"
    description: str = ""
    multi_valued: bool = False
    required: bool = False
    case_exact: bool = False
    mutability: Mutability = "readWrite"
    returned: Returned = "default"
    uniqueness: Uniqueness = "none"
    canonical_values: tuple[str, ...] = ()
    reference_types: tuple[str, ...] = ()
    sub_attributes: tuple["Attribute", ...] = ()
    _by_name: Mapping[str, "Attribute"] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_name", by_any_case(self.sub_attributes))

    def sub_attribute(self, name: str) -> "Attribute | None":
        """The sub-attribute of that name in any case."""
        return self._by_name.get(name) or self._by_name.get(name.lower())

    @property
    def element(self) -> "Attribute":
        """What one value of a simple multi-valued attribute is, under the name that filters in brackets have for it:
        `devices[value eq "D2"]` (RFC 7644 §3.5.2.2, erratum 7122). Any other attribute is itself."""
        if self.type == "complex" or not self.multi_valued:
            return self
        return replace(self, name="value", multi_valued=False, required=False)

    def to_json(self) -> JsonObject:
        """The attribute's definition as it stands in a /Schemas document (RFC 7643 §7)."""
        document: JsonObject = {
            "name": self.name,
            "type": self.type,
            "multiValued": self.multi_valued,
            "description": self.description,
            "required": self.required,
            "caseExact": self.case_exact,
            "mutability": self.mutability,
            "returned": self.returned,
            "uniqueness": self.uniqueness,
        }
        if self.canonical_values or self.name == "type":
            # Of a label it is said also that there are none, as for `roles` in RFC 7643 §8.7.1: the profile of strict
            # tenants wants them declared (draft-zollner-scim-interop-profile §5.4).
            document["canonicalValues"] = list(self.canonical_values)
        if self.reference_types:
            document["referenceTypes"] = list(self.reference_types)
        if self.type == "complex":
            document["subAttributes"] = [sub.to_json() for sub in self.sub_attributes]
        return document


@dataclass(frozen=True, slots=True)
class Schema:
    """A schema: a URN and the attributes that it defines (RFC 7643 §7)."""

    id: str
    name: str
    description: str
    attributes: tuple[Attribute, ...]
    _by_name: Mapping[str, Attribute] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_name", by_any_case(self.attributes))

    def attribute(self, name: str) -> Attribute | None:
        """The attribute of that name in any case."""
        return self._by_name.get(name) or self._by_name.get(name.lower())

    def to_json(self) -> JsonObject:
        """The schema's document without `meta`, which depends on the base URL (see `discovery`)."""
        return {
            "schemas": [SCHEMA_URN],
            "id": self.id,
            "name": self.name,
            "description": self.description,
            "attributes": [attribute.to_json() for attribute in self.attributes],
        }


@dataclass(frozen=True, slots=True, eq=False)
class ResourceType:
    """A kind of resource: its core schema and the extensions that a resource of it may carry (RFC 7643 §6).

    Two resource types are equal only when they are the same object, which makes one a cheap dictionary key.
    """

    name: str
    endpoint: str
    description: str
    schema: Schema
    extensions: tuple[Schema, ...] = ()
    aliases: tuple[tuple[str, str], ...] = ()
    """Short names of extensions, in lower case, and their URNs: for clients to write."""
    preferred: tuple[tuple[str, str], ...] = ()
    """Names that mean an extension's attribute though there is a core attribute, and the extension's URN."""
    _core: Mapping[str, Attribute] = field(init=False, repr=False)
    _unqualified: Mapping[str, tuple[str | None, Attribute]] = field(init=False, repr=False)
    _unqualified_strictly: Mapping[str, tuple[str | None, Attribute]] = field(init=False, repr=False)
    _schemas: Mapping[str, Schema] = field(init=False, repr=False)
    _aliases: Mapping[str, Schema] = field(init=False, repr=False)
    _urns: tuple[tuple[str, Schema], ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        core = {**by_any_case(self.schema.attributes), **by_any_case(COMMON_ATTRIBUTES)}
        unqualified: dict[str, tuple[str | None, Attribute]] = {}
        for extension in reversed(self.extensions):
            for name, attribute in by_any_case(extension.attributes).items():
                unqualified[name] = (extension.id, attribute)
        strictly: dict[str, tuple[str | None, Attribute]] = {name: (None, found) for name, found in core.items()}
        strictly |= {name: (urn, unqualified[name][1]) for name, urn in self.preferred}
        unqualified |= strictly
        schemas: dict[str, Schema] = {}
        for schema in (self.schema, *self.extensions):
            schemas[schema.id] = schemas[schema.id.lower()] = schema
        aliases = {alias: schemas[urn] for alias, urn in self.aliases if alias not in unqualified}
        longest_first = sorted((schemas | aliases).items(), key=lambda item: -len(item[0]))
        object.__setattr__(self, "_core", core)
        object.__setattr__(self, "_unqualified", unqualified)
        object.__setattr__(self, "_unqualified_strictly", strictly)
        object.__setattr__(self, "_schemas", schemas)
        object.__setattr__(self, "_aliases", aliases)
        object.__setattr__(self, "_urns", tuple((urn, s) for urn, s in longest_first if urn == urn.lower()))

    @property
    def schemas(self) -> tuple[Schema, ...]:
        """The core schema, then the extensions."""
        return (self.schema, *self.extensions)

    def attribute(self, name: str) -> Attribute | None:
        """The core or common attribute of that name in any case."""
        return self._core.get(name) or self._core.get(name.lower())

    def core_lookup(self, name: str) -> tuple[None, Attribute] | None:
        """`lookup` among the core and common attributes alone."""
        attribute = self.attribute(name)
        return None if attribute is None else (None, attribute)

    def schema_of_urn(self, urn: str) -> Schema | None:
        """The core schema or extension with that URN in any case."""
        return self._schemas.get(urn) or self._schemas.get(urn.lower())

    def schema_named(self, name: str) -> Schema | None:
        """`schema_of_urn`, by an alias too."""
        return self.schema_of_urn(name) or self._aliases.get(name.lower())

    def lookup(self, name: str, *, strict: bool = False) -> tuple[str | None, Attribute] | None:
        """(extension URN or None, attribute) of an unqualified name in any case.

        RFC 7643 §3.3 wants extension attributes qualified, and so does `strict`; templates of OneLogin and filters
        such as `manager eq "x"` leave the URN out. A core attribute wins over an extension's that isn't `preferred`.
        """
        known = self._unqualified_strictly if strict else self._unqualified
        return known.get(name) or known.get(name.lower())

    def split_urn(self, text: str, *, strict: bool = False) -> tuple[Schema, str] | None:
        """(schema, rest) of `urn:…:User:rest` for a URN of this type, or an alias, in any case, else None.

        URNs hold colons and dots, so only the known ones can be told from the attribute's name. ConnId and older
        applications of Entra ID write a dot after them, which isn't read with `strict`.
        """
        lowered = text.lower()
        for urn, schema in self._urns:
            if lowered.startswith(urn) and lowered[len(urn) : len(urn) + 1] in ((":",) if strict else (":", ".")):
                return schema, text[len(urn) + 1 :]
        return None

    def attributes_of(self, schema: Schema) -> tuple[Attribute, ...]:
        """The attributes found under a schema's URN; the common ones belong to the core schema."""
        return (*COMMON_ATTRIBUTES, *schema.attributes) if schema is self.schema else schema.attributes

    def to_json(self) -> JsonObject:
        """The resource type's document without `meta`; `id` equals the name."""
        document: JsonObject = {
            "schemas": [RESOURCE_TYPE_URN],
            "id": self.name,
            "name": self.name,
            "endpoint": self.endpoint,
            "description": self.description,
            "schema": self.schema.id,
        }
        if self.extensions:
            document["schemaExtensions"] = [{"schema": e.id, "required": False} for e in self.extensions]
        return document


def by_any_case(attributes: tuple[Attribute, ...]) -> dict[str, Attribute]:
    """Attributes by their spelling in the schema, which is what most senders use, and in lower case."""
    lowered = {attribute.name.lower(): attribute for attribute in attributes}
    return lowered | {attribute.name: attribute for attribute in attributes}


COMMON_ATTRIBUTES: tuple[Attribute, ...] = (
    Attribute(
        "schemas",
        "reference",
        "URNs of the schemas whose attributes are present",
        multi_valued=True,
        required=True,
        case_exact=True,
        mutability="readOnly",
        returned="always",
        reference_types=("uri",),
    ),
    Attribute(
        "id",
        description="Identifier given by this server; never reused",
        case_exact=True,
        mutability="readOnly",
        returned="always",
        uniqueness="server",
    ),
    Attribute("externalId", description="Identifier given by the provisioning client", case_exact=True),
    Attribute(
        "meta",
        "complex",
        "Metadata of the resource",
        mutability="readOnly",
        sub_attributes=(
            Attribute("resourceType", case_exact=True, mutability="readOnly"),
            Attribute("created", "dateTime", mutability="readOnly"),
            Attribute("lastModified", "dateTime", mutability="readOnly"),
            Attribute("location", "reference", case_exact=True, mutability="readOnly", reference_types=("uri",)),
            Attribute("version", case_exact=True, mutability="readOnly"),
        ),
    ),
)
"""Attributes of every resource (RFC 7643 §3.1); they stand in no schema document."""
