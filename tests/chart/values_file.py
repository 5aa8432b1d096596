"""The chart's values.yaml, read with its comments: what values.schema.json and the table in README.md are made from.

A comment `# -- TEXT` describes the value below it, `# @schema JSON` adds to its schema. Whatever is below a described
value belongs to its default. A key without a description is a group.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

_KEY = re.compile(r"(?P<indent> *)(?P<key>\w+):")
_DESCRIPTION = re.compile(r" *# -- (.*)")
_SCHEMA = re.compile(r" *# @schema (.*)")
_INDENT = 2
_TYPES: dict[type, str] = {bool: "boolean", int: "integer", str: "string", list: "array", dict: "object"}


@dataclass(frozen=True)
class Value:
    path: tuple[str, ...]
    description: str
    default: Any
    schema: Mapping[str, Any]


def described_values(text: str) -> Iterator[Value]:
    """In the order of the file. Raises ValueError for a value without a description."""
    defaults = yaml.safe_load(text)
    path: tuple[str, ...] = ()
    description, schema = "", "{}"
    described_depth: int | None = None
    for line in text.splitlines():
        if found := _DESCRIPTION.fullmatch(line):
            description = found[1]
        elif found := _SCHEMA.fullmatch(line):
            schema = found[1]
        elif found := _KEY.match(line):
            depth = len(found["indent"]) // _INDENT
            if described_depth is not None and depth > described_depth:
                continue
            path = (*path[:depth], found["key"])
            default = _at(defaults, path)
            if description:
                yield Value(path, description, default, json.loads(schema))
                described_depth = depth
            elif isinstance(default, dict) and default:
                described_depth = None
            else:
                raise ValueError(f"{'.'.join(path)}: a comment `# -- …` is expected above it")
            description, schema = "", "{}"


def _at(values: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        values = values[key]
    return values


def schema_of(values: Iterable[Value]) -> dict[str, Any]:
    # Helm adds `global` to the values of every chart.
    root = _group() | {"properties": {"global": {"type": "object"}}}
    for value in values:
        place = root
        for key in value.path[:-1]:
            place = place["properties"].setdefault(key, _group())
        inferred = {} if value.default is None else {"type": _TYPES[type(value.default)]}
        place["properties"][value.path[-1]] = {"description": value.description} | inferred | dict(value.schema)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | root


def _group() -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "properties": {}}


def table_of(values: Iterable[Value]) -> str:
    """Markdown."""
    rows = ["| Value | Meaning | Default |", "|---|---|---|"]
    for value in values:
        default = json.dumps(value.default, ensure_ascii=False)
        rows.append(f"| `{'.'.join(value.path)}` | {value.description} | `{default}` |")
    return "\n".join(rows)


def read_values(chart: Path) -> list[Value]:
    return list(described_values((chart / "values.yaml").read_text(encoding="utf-8")))
