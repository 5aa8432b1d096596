"""Paths that select: what a PATCH operation or an attribute mapping points at (RFC 7644 figure 7)."""

from dataclasses import dataclass

from scim_server.scim.filter.ast import Filter
from scim_server.scim.path import AttributePath
from scim_server.scim.schema import Attribute


@dataclass(frozen=True, slots=True)
class TargetPath(AttributePath):
    """An attribute path, and in `emails[type eq "work"].value` the filter of the values that are meant."""

    value_filter: Filter | None = None

    @property
    def selected(self) -> Attribute:
        """What a value at the path is read as: one element, where elements of a simple attribute are selected."""
        return self.target if self.value_filter is None else self.target.element
