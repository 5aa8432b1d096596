"""A filter as text again: `parse(render(filter)) == filter`. For logs, previews and tests."""

import json
from datetime import UTC, datetime

from scim_server.scim.filter.ast import And, Comparison, Filter, Literal, Not, Or, Present, ValuePath
from scim_server.scim.filter.strings import written
from scim_server.scim.filter.target import TargetPath
from scim_server.scim.path import AttributePath


def render(filter_: Filter) -> str:
    """The filter in the grammar of RFC 7644 §3.4.2.2, names canonical."""
    return _render(filter_, inside=False)


def render_path(path: TargetPath) -> str:
    """A path with its value filter: `emails[type eq "work"].value`, as `parse_path` reads it."""
    if path.value_filter is None:
        return str(path)
    selected = f"{AttributePath(path.schema_urn, path.attribute)}[{_render(path.value_filter, inside=True)}]"
    return selected if path.sub_attribute is None else f"{selected}.{path.sub_attribute.name}"


def _render(node: Filter, *, inside: bool) -> str:
    match node:
        case And(items):
            return " and ".join(_grouped(item, inside=inside) for item in items)
        case Or(items):
            return " or ".join(_grouped(item, inside=inside) for item in items)
        case Not(Comparison(path, "eq", value)):
            return f"{_name(path, inside=inside)} ne {_literal(value)}"
        case Not(item):
            return f"not ({_render(item, inside=inside)})"
        case Comparison(path, operator, value):
            return f"{_name(path, inside=inside)} {operator} {_literal(value)}"
        case Present(path):
            return f"{_name(path, inside=inside)} pr"
        case ValuePath(path, filter_):
            return f"{path}[{_render(filter_, inside=True)}]"


def _grouped(item: Filter, *, inside: bool) -> str:
    text = _render(item, inside=inside)
    return f"({text})" if isinstance(item, And | Or) else text


def _name(path: AttributePath, *, inside: bool) -> str:
    return path.target.name if inside else str(path)


def _literal(value: Literal) -> str:
    if isinstance(value, datetime):
        return f'"{value.astimezone(UTC).isoformat()}"'
    return written(value) if isinstance(value, str) else json.dumps(value)
