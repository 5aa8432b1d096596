"""The filter's abstract syntax tree: seven kinds of node, all immutable.

What the parser decides, so that evaluators needn't:

* `a ne x` is `Not(Comparison(a, "eq", x))`: on a multi-valued attribute no value equals, and an attribute without
  a value is "not equal".
* `a eq null` is `Not(Present(a))`, `a ne null` is `Present(a)` (RFC 7643 §2.5: null and unassigned are the same).
* `members eq "id"`, `manager eq "x"`: a complex attribute compares by its sub-attribute `value`; the path has it.
* `emails[type eq "work"].value eq "x"` is `ValuePath(emails, And(type eq "work", value eq "x"))`.
* `And` and `Or` have at least two items and never an item of their own kind.

Outside a `ValuePath`, a comparison with a multi-valued attribute holds when any value satisfies it. Inside, each
path is `attribute.sub_attribute` of the `ValuePath`'s attribute and all terms speak of one element.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal as OneOf

from scim_server.scim.path import AttributePath

Operator = OneOf["eq", "co", "sw", "ew", "gt", "ge", "lt", "le"]
"""There is no `ne`: the parser writes it as `Not` of `eq`. `co`, `sw`, `ew` apply to string and reference only."""

Literal = str | bool | int | float | datetime
"""By the path's target type: string, reference, binary → str; boolean → bool; integer → int; decimal → float;
dateTime → aware UTC datetime."""


@dataclass(frozen=True, slots=True)
class And:
    """All of two or more."""

    items: tuple["Filter", ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Any of two or more."""

    items: tuple["Filter", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite."""

    item: "Filter"


@dataclass(frozen=True, slots=True)
class Comparison:
    """`path operator value`; the path's target is never complex. False where there is no value.

    Strings compare by code points, folded (`folding.fold`) unless the target is `case_exact`.
    """

    path: AttributePath
    operator: Operator
    value: Literal


@dataclass(frozen=True, slots=True)
class Present:
    """`path pr`: a value neither null nor empty (RFC 7644 table 3); in a complex one, any sub-attribute's."""

    path: AttributePath


@dataclass(frozen=True, slots=True)
class ValuePath:
    """`path[filter]`: some element of the attribute satisfies the whole filter. Of a simple attribute, the only
    sub-attribute in the brackets is `value`, which is the element itself (`Attribute.element`)."""

    path: AttributePath
    filter: "Filter"


Filter = And | Or | Not | Comparison | Present | ValuePath


def conjunction(items: Iterable[Filter]) -> Filter:
    """`And`, flattened; a single item is itself."""
    flat = [part for item in items for part in (item.items if isinstance(item, And) else (item,))]
    return flat[0] if len(flat) == 1 else And(tuple(flat))


def disjunction(items: Iterable[Filter]) -> Filter:
    """`Or`, flattened; a single item is itself."""
    flat = [part for item in items for part in (item.items if isinstance(item, Or) else (item,))]
    return flat[0] if len(flat) == 1 else Or(tuple(flat))
