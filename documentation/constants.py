"""Constants with the string that stands below each: what a module's author says of it."""

import ast
import inspect
import re
from dataclasses import dataclass
from types import ModuleType


@dataclass(frozen=True, slots=True)
class Constant:
    section: str
    """The comment above it and above those before it: `# Stalled.`"""
    value: str
    meaning: str


def documented_constants(module: ModuleType, class_name: str | None = None) -> list[Constant]:
    """Those of the module, or of a class in it, whose value is a string."""
    source = inspect.getsource(module)
    tree: ast.Module | ast.ClassDef = ast.parse(source)
    if class_name is not None:
        tree = next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == class_name)
    lines = source.splitlines()
    found, section, seen = [], "", 0
    for node, after in zip(tree.body, [*tree.body[1:], None], strict=True):
        for line in lines[seen : node.lineno - 1]:
            comment = re.match(r"\s*# (.+)", line)
            section = comment[1] if comment else section
        seen = node.end_lineno or node.lineno
        value = node.value if isinstance(node, ast.AnnAssign | ast.Assign) else None
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            found.append(Constant(section, value.value, _docstring(after)))
    return found


def _docstring(node: ast.stmt | None) -> str:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
        return " ".join(node.value.value.split())
    return ""
