"""Filters (RFC 7644 §3.4.2.2): text → AST → SQL (in storage) or a verdict in memory.

`parse` resolves names to attributes and types literals by them, so that code that walks the AST needs no schema.
"""

from scim_server.scim.filter.ast import (
    And,
    Comparison,
    Filter,
    Literal,
    Not,
    Operator,
    Or,
    Present,
    ValuePath,
    conjunction,
    disjunction,
)
from scim_server.scim.filter.memory import matches, matches_element
from scim_server.scim.filter.parser import parse, parse_path
from scim_server.scim.filter.render import render, render_path
from scim_server.scim.filter.target import TargetPath

__all__ = [
    "And",
    "Comparison",
    "Filter",
    "Literal",
    "Not",
    "Operator",
    "Or",
    "Present",
    "TargetPath",
    "ValuePath",
    "conjunction",
    "disjunction",
    "matches",
    "matches_element",
    "parse",
    "parse_path",
    "render",
    "render_path",
]
