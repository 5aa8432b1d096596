"""One operation of a PATCH, normalised: the path resolved, the value canonical."""

from dataclasses import dataclass
from typing import Any, Literal

from scim_server.scim.filter.target import TargetPath

OperationName = Literal["add", "replace", "remove"]


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation without a path has become one operation per attribute, so there always is one.

    `value` is in the path's type: a list for a multi-valued attribute, an object for a complex one or a selected
    element, a scalar otherwise. It is None only for `remove`, where a list of elements means "only those".
    """

    op: OperationName
    path: TargetPath
    value: Any = None
