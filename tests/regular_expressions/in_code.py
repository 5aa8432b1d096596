"""Every regular expression of the code, found in its syntax tree, with the ways in which it is asked."""

import ast
import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).parents[2]
PACKAGES = {"scim_server": ROOT / "scim_server", "scim_operator": ROOT / "operator" / "scim_operator"}

_WAYS = frozenset({"match", "fullmatch", "search", "sub", "subn", "split", "findall", "finditer"})
_ANCHORED = frozenset({"match", "fullmatch"})


@dataclass(frozen=True)
class Expression:
    """`anchored`: it is only asked at the beginning of a text, so that it isn't tried at every place."""

    place: str
    pattern: str | bytes
    flags: int
    anchored: bool


def expressions() -> list[Expression]:
    modules = list(_modules())
    ways = _ways_by_name(tree for _, tree in modules)
    return [found for module, tree in modules for found in _in_module(module, tree, ways)]


def _modules() -> Iterator[tuple[ModuleType, ast.Module]]:
    for name, folder in PACKAGES.items():
        for file in sorted(folder.rglob("*.py")):
            text = file.read_text(encoding="utf-8")
            if "import re" not in text:  # most files; parsing takes longer
                continue
            tree = ast.parse(text)
            if not any(isinstance(node, ast.Import) and node.names[0].name == "re" for node in ast.walk(tree)):
                continue
            parts = [name, *file.relative_to(folder).with_suffix("").parts]
            module = importlib.import_module(".".join(part for part in parts if part != "__init__"))
            yield module, tree


def _ways_by_name(trees: Any) -> dict[str, set[str]]:
    """How compiled expressions are asked, by the names that they have: `_TAG.match(…)`."""
    ways: dict[str, set[str]] = {}
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.attr in _WAYS:
                ways.setdefault(node.value.id, set()).add(node.attr)
    return ways


def _in_module(module: ModuleType, tree: ast.Module, ways: dict[str, set[str]]) -> Iterator[Expression]:
    names = {
        id(node.value): node.targets[0].id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        if not (isinstance(node.func.value, ast.Name) and node.func.value.id == "re"):
            continue
        called = node.func.attr
        if called != "compile" and called not in _WAYS:
            continue
        place = f"{module.__name__}:{node.lineno}"
        flags = _flags(module, node, called)
        asked = ways.get(names.get(id(node), ""), _WAYS) if called == "compile" else {called}
        yield Expression(place, _value(module, node.args[0], place), flags, set(asked) <= _ANCHORED)


def _flags(module: ModuleType, node: ast.Call, called: str) -> int:
    given = [keyword.value for keyword in node.keywords if keyword.arg == "flags"]
    given += node.args[1:2] if called == "compile" else []
    return int(_value(module, given[0], module.__name__)) if given else 0


def _value(module: ModuleType, node: ast.expr, place: str) -> Any:
    try:
        return eval(compile(ast.Expression(node), place, "eval"), dict(vars(module)))
    except NameError as error:
        raise AssertionError(f"{place}: a regular expression must be a constant of its module ({error})") from None
