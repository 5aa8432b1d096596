"""Paths that select: what a PATCH operation or an attribute mapping points at (RFC 7644 figure 7)."""

from dataclasses import dataclass

from scim_server.scim.filter.ast import Filter
from scim_server.scim.path import AttributePath


@dataclass(frozen=True, slots=True)
class TargetPath(AttributePath):
    """An attribute path, and in `emails[type eq "work"].value` the filter of the values that are meant."""

    value_filter: Filter | None = None
