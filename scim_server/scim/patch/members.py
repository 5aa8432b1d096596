"""The members part of a group's PATCH as a delta of ids: the current members are never needed."""

from collections.abc import Iterable
from dataclasses import dataclass

from scim_server.scim.errors import InvalidFilter
from scim_server.scim.filter.ast import And, Comparison, Filter, Or
from scim_server.scim.filter.render import render_path
from scim_server.scim.filter.target import TargetPath
from scim_server.scim.patch.operation import Operation
from scim_server.scim.references import id_from_reference
from scim_server.scim.schema import ResourceType
from scim_server.scim.values import shown


@dataclass(frozen=True, slots=True)
class MembersDelta:
    """What happens to the membership, as ids of users and groups alike.

    With `replace` the members are exactly those afterwards, and `add` and `remove` are empty. Otherwise they are
    (current − remove) ∪ add, and `add` and `remove` share nothing.
    """

    replace: frozenset[str] | None = None
    add: frozenset[str] = frozenset()
    remove: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        """Whether anything may change."""
        return self.replace is not None or bool(self.add) or bool(self.remove)


@dataclass(frozen=True, slots=True)
class GroupPatch:
    """A group's PATCH: operations on its document (see `apply_to_document`) and the delta of its members."""

    document_operations: list[Operation]
    members: MembersDelta


def plan_group_patch(operations: Iterable[Operation], resource_type: ResourceType) -> GroupPatch:
    """Split a group's operations and fold those on members, in order.

    Hundreds of one-member operations (authentik), all members in one (Keycloak, Okta's "Push now"), additions and
    removals mixed (Okta) cost the number of ids named. Raises InvalidFilter for a selection of members by anything
    but their ids.
    """
    members = resource_type.attribute("members")
    document_operations: list[Operation] = []
    fold = _Fold()
    for operation in operations:
        if operation.path.attribute is members:
            fold.apply(operation)
        else:
            document_operations.append(operation)
    return GroupPatch(document_operations, fold.delta())


class _Fold:
    def __init__(self) -> None:
        self._replace: set[str] | None = None
        self._add: set[str] = set()
        self._remove: set[str] = set()

    def apply(self, operation: Operation) -> None:
        selection = operation.path.value_filter
        if operation.op == "remove" and selection is None and operation.value is None:
            self._set(set())
            return
        ids = {member["value"] for member in operation.value} if selection is None else _selected_ids(operation.path)
        if operation.op == "replace":
            self._set(ids)
            return
        arriving, leaving = (self._add, self._remove) if operation.op == "add" else (self._remove, self._add)
        if self._replace is None:
            arriving |= ids
            leaving -= ids
        elif operation.op == "add":
            self._replace |= ids
        else:
            self._replace -= ids

    def delta(self) -> MembersDelta:
        if self._replace is not None:
            return MembersDelta(replace=frozenset(self._replace))
        return MembersDelta(add=frozenset(self._add), remove=frozenset(self._remove))

    def _set(self, ids: set[str]) -> None:
        self._replace, self._add, self._remove = ids, set(), set()


def _selected_ids(path: TargetPath) -> set[str]:
    ids = None if path.value_filter is None else _ids_named_by(path.value_filter)
    if ids is None:
        raise InvalidFilter(
            f'members are selected by their ids (value eq "…"), not as in {shown(render_path(path))}',
            attribute="members",
            reason="members are selected by their ids",
        )
    return ids


def _ids_named_by(selection: Filter) -> set[str] | None:
    """The ids that a filter names: `value eq "x"`, several joined by `or`, `$ref` for `value`; else None.

    `type eq "User"` beside an id is accepted and decides nothing, since ids are unique over users and groups.
    """
    match selection:
        case Comparison(path, "eq", str(value)) if path.target.name == "value":
            return {value}
        case Comparison(path, "eq", str(value)) if path.target.name == "$ref":
            return {id_from_reference(value)}
        case Or(items):
            ids: set[str] = set()
            for item in items:
                named = _ids_named_by(item)
                if named is None:
                    return None
                ids |= named
            return ids
        case And(items):
            others = [item for item in items if not _names_type(item)]
            return _ids_named_by(others[0]) if len(others) == 1 else None
    return None


def _names_type(item: Filter) -> bool:
    return isinstance(item, Comparison) and item.operator == "eq" and item.path.target.name == "type"
