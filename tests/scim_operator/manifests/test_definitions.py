"""The definitions, the typed models and the checker agree with each other."""

from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from scim_operator.api import PLURALS, AttributeMappingSpec, ProvisioningConfigSpec, RoleMappingSpec
from scim_operator.api.attribute_mapping import PATH_PATTERN, TARGET_PATTERN
from scim_operator.manifests import crd_directory
from scim_operator.manifests.definitions import schemas

SPECS: dict[str, type[BaseModel]] = {
    "ProvisioningConfig": ProvisioningConfigSpec,
    "RoleMapping": RoleMappingSpec,
    "AttributeMapping": AttributeMappingSpec,
}

CHECKED = {
    "additionalProperties",
    "default",
    "enum",
    "format",
    "items",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minItems",
    "minLength",
    "minimum",
    "pattern",
    "properties",
    "required",
    "type",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-list-type",
    "x-kubernetes-validations",
}
WITHOUT_EFFECT_ON_VALIDITY = {"description", "x-kubernetes-map-type"}


def definition(kind: str) -> Any:
    return yaml.safe_load((crd_directory() / f"{PLURALS[kind]}.yaml").read_text())


def nodes(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    yield path, schema
    for name, member in schema.get("properties", {}).items():
        yield from nodes(member, f"{path}.{name}")
    for key in ("items", "additionalProperties"):
        if key in schema:
            yield from nodes(schema[key], f"{path}[]")


every_kind = pytest.mark.parametrize("kind", sorted(PLURALS))


@every_kind
def test_the_definition_has_the_names_of_the_api(kind: str) -> None:
    spec = definition(kind)["spec"]

    assert definition(kind)["metadata"]["name"] == f"{PLURALS[kind]}.scim-operator.io"
    assert (spec["group"], spec["scope"], spec["names"]["kind"]) == ("scim-operator.io", "Namespaced", kind)
    assert spec["names"]["categories"] == ["scim"]
    assert [version["name"] for version in spec["versions"]] == ["v1alpha1"]
    assert spec["versions"][0]["subresources"] == {"status": {}}


@every_kind
def test_the_checker_knows_every_keyword_of_the_definition(kind: str) -> None:
    for path, schema in nodes(schemas()[kind]):
        assert set(schema) <= CHECKED | WITHOUT_EFFECT_ON_VALIDITY, path
        assert schema.get("format", "date-time") in ("date-time", "int32", "int64"), path
        for rule in schema.get("x-kubernetes-validations", ()):
            assert set(rule) <= {"rule", "message", "messageExpression", "fieldPath"}, path


@every_kind
def test_every_field_is_described_and_bounded(kind: str) -> None:
    for path, schema in nodes(schemas()[kind]):
        assert schema.get("description") or path.endswith("[]") or path == ".metadata", path
        if not path.startswith((".spec", ".status")):
            continue
        if schema["type"] == "array":
            assert "maxItems" in schema, path
            assert "x-kubernetes-list-type" in schema, path
        if "additionalProperties" in schema:
            assert "maxProperties" in schema, path
        if schema["type"] == "string" and path.startswith(".spec"):
            assert "maxLength" in schema or "enum" in schema, path


@every_kind
def test_the_status_starts_as_not_observed(kind: str) -> None:
    assert schemas()[kind]["properties"]["status"]["default"] == {"observedGeneration": -1}


@every_kind
def test_the_models_have_the_fields_of_the_definition(kind: str) -> None:
    def compare(schema: dict[str, Any], model: type[BaseModel], path: str) -> None:
        fields = {field.alias or name: field for name, field in model.model_fields.items()}
        assert set(fields) == set(schema["properties"]), path
        for name, member in schema["properties"].items():
            inner = member.get("items", member)
            nested = nested_model(fields[name].annotation)
            assert (nested is not None) == ("properties" in inner), f"{path}.{name}"
            if nested is not None:
                compare(inner, nested, f"{path}.{name}")

    compare(schemas()[kind]["properties"]["spec"], SPECS[kind], kind)


def nested_model(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        found = nested_model(argument)
        if found is not None:
            return found
    return None


def test_the_patterns_of_attribute_mappings_are_those_of_the_models() -> None:
    attribute = schemas()["AttributeMapping"]["properties"]["spec"]["properties"]["attributes"]["items"]

    assert attribute["properties"]["target"]["pattern"] == TARGET_PATTERN
    assert attribute["properties"]["path"]["pattern"] == PATH_PATTERN
