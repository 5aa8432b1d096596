"""The places that a field of the API and a field of the contract have to be in, and which of them one lacks.

CONTRIBUTING.md lists them ("Add a field to the API, end to end").
"""

import ast
import copy
import json
import re
from collections.abc import Callable, Iterator
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError
from pydantic.alias_generators import to_camel

from scim_operator.api.resource import ApiModel
from scim_operator.local.changes import describe_changes
from scim_operator.manifests import SourceFile, plan_world, read_manifests, reference_findings
from scim_server.config import ConfigBundle, ServerConfig, ServerSecrets, Tenant, model
from scim_server.config.contract import Contract

_ROOT = Path(__file__).resolve().parents[3]
EVERYTHING = Path(__file__).with_name("everything.yaml")
_TOKEN_KEY = bytes(32)

Json = Any
FieldPath = tuple[str, ...]
"""Of a field, without the numbers of list items."""


def fields_of_model(model: type[BaseModel], base: type[BaseModel], path: FieldPath = ()) -> Iterator[FieldPath]:
    """Every field by its name in JSON, those of nested models (subclasses of `base`) too."""
    for name, field in model.model_fields.items():
        here = (*path, field.alias or name)
        yield here
        for nested in _models_in(field.annotation, base):
            yield from fields_of_model(nested, base, here)


def _models_in(annotation: Any, base: type[BaseModel]) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, base):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument, base)


def fields_of_schema(schema: Json, path: FieldPath = ()) -> Iterator[tuple[FieldPath, Json, bool]]:
    """Every property of a JSON Schema with its own schema, and whether it may be left out."""
    while schema.get("type") == "array":
        schema = schema["items"]
    for name, property_ in schema.get("properties", {}).items():
        here = (*path, name)
        yield here, property_, name not in schema.get("required", ())
        yield from fields_of_schema(property_, here)


def crd_spec(kind: str) -> Json:
    """The schema of `spec`."""
    crd = yaml.safe_load((_ROOT / "crds" / f"{kind.lower()}s.yaml").read_text())
    return crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]


def lacks_of_api(kind: str, spec: type[ApiModel], crd: Json) -> list[str]:
    """For each field of `spec`: `KIND spec.field: place`, for each place that it lacks."""
    in_crd = {path: (schema, optional) for path, schema, optional in fields_of_schema(crd)}
    in_model = {*fields_of_model(spec, ApiModel)}
    lacks: list[tuple[FieldPath, str]] = []
    schema: Json
    for path in sorted(in_crd.keys() | in_model):
        if path not in in_model:
            lacks.append((path, "the model in operator/scim_operator/api"))
        if path not in in_crd:
            lacks.append((path, "crds/"))
            schema, optional = {}, True
        else:
            schema, optional = in_crd[path]
            if path[:-1] not in _STANDARD and not schema.get("description"):
                lacks.append((path, "a description in crds/"))
        if not any(True for _ in _holders(_everything(), kind, path)):
            lacks.append((path, f"a value in {EVERYTHING.relative_to(_ROOT)}"))
        elif _is_leaf(schema) and not _changes_the_plan(kind, path, schema, optional):
            lacks.append((path, _NO_PLAN))
        if path[:-1] not in _STANDARD and not re.search(rf"\b{path[-1]}\b", _prose()):
            lacks.append((path, "docs/ or examples/"))
    return [f"{kind} spec.{'.'.join(path)}: {place}" for path, place in lacks]


def _is_leaf(schema: Json) -> bool:
    return "properties" not in schema and "properties" not in schema.get("items", {})


_NO_PLAN = "operator/scim_operator/plan: its value changes nothing"
_STANDARD = {
    ("allowedNamespaces", "selector"),
    ("allowedNamespaces", "selector", "matchExpressions"),
}
"""`metav1.LabelSelector`, which Kubernetes describes."""


@cache
def _prose() -> str:
    """Of pages and examples, with their manifests."""
    files = [*(_ROOT / "docs").rglob("*.md"), *(_ROOT / "examples").rglob("*.*"), _ROOT / "README.md"]
    return "\n".join(file.read_text(encoding="utf-8") for file in files)


def _everything() -> list[Json]:
    return copy.deepcopy(_parsed())


@cache
def _parsed() -> list[Json]:
    return [*yaml.safe_load_all(EVERYTHING.read_text())]


def _holders(documents: list[Json], kind: str, path: FieldPath) -> Iterator[Json]:
    """The objects that hold the last part of the path."""
    found = [document["spec"] for document in documents if document["kind"] == kind]
    for name in path[:-1]:
        found = [holder[name] for holder in found if name in holder]
        found = [item for holder in found for item in (holder if isinstance(holder, list) else [holder])]
    yield from (holder for holder in found if path[-1] in holder)


def _changes_the_plan(kind: str, path: FieldPath, schema: Json, optional: bool) -> bool:
    return _change_of(kind, path, json.dumps(schema), optional)


@cache
def _change_of(kind: str, path: FieldPath, schema: str, optional: bool) -> bool:
    """Whether the configuration, or what is said of the objects, differs where the field has another value or none.

    Only values that the schema allows count: what it refuses never comes to the plan.
    """
    before = _planned_first()
    for number in range(sum(1 for _ in _holders(_everything(), kind, path))):
        for change in _other_values(path[-1], json.loads(schema), optional):
            documents = _everything()
            change([*_holders(documents, kind, path)][number])
            after = _planned(documents)
            if after is not None and after != before:
                return True
    return False


def _other_values(name: str, schema: Json, optional: bool) -> Iterator[Callable[[Json], None]]:
    if optional:
        yield lambda holder: holder.pop(name)
    for other in _of_another_value(schema):
        yield lambda holder, other=other: holder.update({name: other(holder[name])})  # type: ignore[misc]


def _of_another_value(schema: Json) -> Iterator[Callable[[Json], Json]]:
    if "enum" in schema:
        yield from (lambda _, value=value: value for value in schema["enum"])
        return
    yield _others
    yield _other


@cache
def _planned_first() -> Json:
    return _planned(_everything())


def _planned(documents: list[Json]) -> Json:
    """The bundle and what is said of the objects; None where the schema refuses them."""
    manifests = read_manifests([SourceFile(str(EVERYTHING), yaml.safe_dump_all(documents, sort_keys=False))])
    if manifests.errors:
        return None
    plan = plan_world(manifests.world, _TOKEN_KEY)
    said = sorted(f"{finding.severity} {finding.message}" for finding in reference_findings(manifests))
    return plan.bundle(_TOKEN_KEY, 1).encode(), said


def delivered() -> Tenant:
    """What the plan makes of `everything.yaml`."""
    manifests = read_manifests([SourceFile(str(EVERYTHING), EVERYTHING.read_text())])
    assert not manifests.errors, manifests.errors
    tenants = plan_world(manifests.world, _TOKEN_KEY).bundle(_TOKEN_KEY, 1).config.tenants
    return next(tenant for tenant in tenants if tenant.key == "acme/okta")


def lacks_of_contract(tenant: Tenant) -> list[str]:
    """For each field of the contract: `Tenant field: place`, for each place that it lacks. `tenant` is what the plan
    makes of `everything.yaml`."""
    document = tenant.model_dump(mode="json", exclude_defaults=True)
    read = _read_by_server()
    lacks: list[tuple[FieldPath, str]] = []
    for path in sorted({*fields_of_model(type(tenant), Contract)} - _NOT_DECLARED):
        if "jwks" in path[:-1]:
            continue  # of a key, as RFC 7517 has it
        if path[-1] not in read:
            lacks.append((path, "scim_server: nothing reads it"))
        if not any(True for _ in _holders_in_contract(document, path)):
            lacks.append((path, f"operator/scim_operator/plan, from {EVERYTHING.name}"))
        elif not _is_told(type(tenant), document, path):
            lacks.append((path, "operator/scim_operator/local/changes.py: no line says that it changed"))
    return [f"Tenant {'.'.join(path)}: {place}" for path, place in lacks]


_NOT_DECLARED = {("uid",), ("deleted",)}
"""The cluster says these, and no author."""


@cache
def _read_by_server() -> frozenset[str]:
    """The JSON names of all attributes that the server reads; in the contract's own code, only in properties and
    methods that the rest of the server uses."""
    read: set[str] = set()
    by_function: dict[str, set[str]] = {}
    for file in (_ROOT / "scim_server").rglob("*.py"):
        tree = ast.parse(file.read_text())
        if "config" not in file.relative_to(_ROOT).parts:
            read |= _attributes(tree)
        else:
            functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
            by_function |= {function.name: _attributes(function) for function in functions}
    for function, attributes in by_function.items():
        if function in read:
            read = read | attributes
    return frozenset(map(to_camel, read))


def _attributes(tree: ast.AST) -> set[str]:
    return {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}


def _holders_in_contract(document: Json, path: FieldPath) -> Iterator[Json]:
    found = [document]
    for name in path[:-1]:
        found = [holder[name] for holder in found if name in holder]
        found = [item for holder in found for item in (holder if isinstance(holder, list) else [holder])]
    yield from (holder for holder in found if path[-1] in holder)


def _is_told(model: type[Tenant], document: Json, path: FieldPath) -> bool:
    """Whether a line says it where the field has its default, or another value."""
    before = _bundle_of(model, document)
    for number in range(sum(1 for _ in _holders_in_contract(document, path))):
        for change in _other_json_values(path[-1], [*_holders_in_contract(document, path)][number][path[-1]]):
            changed = copy.deepcopy(document)
            change([*_holders_in_contract(changed, path)][number])
            try:
                after = _bundle_of(model, changed)
            except ValidationError:
                continue
            if after != before and describe_changes(before, after):
                return True
    return False


def _other_json_values(name: str, value: Json) -> Iterator[Callable[[Json], None]]:
    yield lambda holder: holder.pop(name)
    for other in _others_of_enum(value):
        yield lambda holder, other=other: holder.update({name: other})  # type: ignore[misc]
    yield lambda holder: holder.update({name: _other(holder[name])})
    yield lambda holder: holder.update({name: _others(holder[name])})


def _others_of_enum(value: Json) -> list[str]:
    """The other values of each enumeration of the contract that has this one."""
    enums = [each for each in vars(model).values() if isinstance(each, type) and issubclass(each, StrEnum)]
    return [other.value for enum in enums if value in [*enum] for other in enum if other != value]


def _other(value: Json) -> Json:
    match value:
        case bool():
            return not value
        case int():
            return value + 1
        case str():
            return f"{value}x"
        case list():
            return value[:-1]
        case dict():
            return {key: _other(each) for key, each in value.items()}
    return value


def _others(value: Json) -> Json:
    """Each item of a list with another value."""
    return [_other(item) for item in value] if isinstance(value, list) else value


def _bundle_of(model: type[Tenant], document: Json) -> ConfigBundle:
    tenant = model.model_validate(document)
    digests = {tenant.credential_key(name): "0" * 64 for name in tenant.digest_names}
    secrets = ServerSecrets(revision=1, token_key=_TOKEN_KEY.hex(), digests=digests)
    return ConfigBundle(config=ServerConfig.model_construct(revision=1, tenants=(tenant,)), secrets=secrets)
