"""Every field of the custom resources, from the CustomResourceDefinitions."""

import json
from collections.abc import Iterator
from typing import Any

from documentation.markdown import GENERATED, code, table, text
from scim_operator.manifests.definitions import crd_directory
from scim_operator.manifests.yaml_documents import parse_documents

_INTRODUCTION = """\
# Custom resources

Every field of the three kinds, as their definitions have it; `kubectl explain provisioningconfig.spec` prints the
same. A field in **bold** is required. Fields that aren't listed are refused.
"""

_ORDER = ("ProvisioningConfig", "RoleMapping", "AttributeMapping")


def page() -> str:
    definitions = {
        document.value["spec"]["names"]["kind"]: document.value["spec"]
        for file in crd_directory().glob("*.yaml")
        for document in parse_documents(file.read_text(encoding="utf-8"))
    }
    kinds = [_kind(kind, definitions[kind]) for kind in sorted(definitions, key=_ORDER.index)]
    return "\n".join([GENERATED, _INTRODUCTION, *kinds])


def _kind(kind: str, spec: dict[str, Any]) -> str:
    version = spec["versions"][0]
    schema = version["schema"]["openAPIV3Schema"]
    names = spec["names"]
    called = ", ".join(code(name) for name in [names["plural"], *names["shortNames"]])
    columns = version["additionalPrinterColumns"]
    return "\n".join(
        [
            f"## {kind}\n",
            f"{text(schema['description'])}\n",
            f"`apiVersion: {spec['group']}/{version['name']}`, `kind: {kind}`; to kubectl {called}.\n",
            *_objects("spec", schema["properties"]["spec"]),
            *_objects("status", schema["properties"]["status"]),
            "### What `kubectl get` shows\n",
            table(
                ["column", "what", "from"],
                [
                    [
                        text(column["name"]) + (" (`-o wide`)" if column.get("priority") else ""),
                        text(column.get("description", "")),
                        code(column["jsonPath"]),
                    ]
                    for column in columns
                ],
            ),
        ]
    )


def _objects(path: str, schema: dict[str, Any]) -> Iterator[str]:
    """A section for the object at `path`, then one for each object in it."""
    yield f"### `{path}`\n"
    if path in ("spec", "status"):
        yield f"{text(schema['description'])}\n"
    rules = [rule["message"] for rule in schema.get("x-kubernetes-validations", [])]
    required = schema.get("required", ())
    inner: list[tuple[str, dict[str, Any]]] = []
    rows = []
    for name, field in schema["properties"].items():
        suffix, value = _innermost(field)
        rows.append([f"**`{name}`**" if name in required else f"`{name}`", _type(field), _what(field, value)])
        if "properties" in value:
            inner.append((f"{path}.{name}{suffix}", value))
    yield table(["field", "type", "what"], rows)
    if rules:
        yield "".join(f"* Rule: {text(rule)}.\n" for rule in rules)
    for at, each in inner:
        yield from _objects(at, each)


def _innermost(field: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """What a list or a map holds, and how its path goes on."""
    if field["type"] == "array":
        suffix, value = _innermost(field["items"])
        return "[]" + suffix, value
    if isinstance(field.get("additionalProperties"), dict):
        suffix, value = _innermost(field["additionalProperties"])
        return ".*" + suffix, value
    return "", field


def _type(field: dict[str, Any]) -> str:
    if field["type"] == "array":
        return f"list of {_type(field['items'])}{_range(field, 'Items')}"
    if isinstance(field.get("additionalProperties"), dict):
        return f"map of {_type(field['additionalProperties'])}{_range(field, 'Properties')}"
    if "enum" in field:
        return " or ".join(code(str(value)) for value in field["enum"])
    if field["type"] == "string":
        return str(field.get("format", "string")) + _range(field, "Length", " characters")
    return str(field["type"]) + _range(field, "imum")


def _range(field: dict[str, Any], what: str, unit: str = "") -> str:
    least, most = field.get(f"min{what}"), field.get(f"max{what}")
    if most is not None:
        return f", {least or 0:,} to {most:,}{unit}" if least else f", up to {most:,}{unit}"
    return f", from {least:,}{unit}" if least is not None else ""


def _what(field: dict[str, Any], value: dict[str, Any]) -> str:
    parts = [text(field.get("description", value.get("description", "")))]
    if "default" in field:
        parts.append(f"Default: {code(_value(field['default']))}.")
    for each in (field, value) if field is not value else (field,):
        if "properties" not in each:
            parts += [f"Rule: {text(rule['message'])}." for rule in each.get("x-kubernetes-validations", [])]
    pattern = value.get("pattern")
    if pattern and "description" not in value:
        parts.append(f"As {code(pattern)}.")
    return " ".join(part for part in parts if part)


def _value(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
