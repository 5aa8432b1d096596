"""Bulk requests (RFC 7644 §3.7): what is in them, in which order it is done, and how `bulkId:` references resolve.

Inner paths are never routed: they must be exactly an endpoint for users or groups, and an id, or they are refused.
Operations keep their order, but that one which refers to a resource comes after the one which creates it. Where
creations refer to each other in a circle, one of them is done in two steps: first without the references, which must
be members of a group or a user's manager, then a PATCH adds them.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from scim_server.scim.enterprise import ENTERPRISE_URN
from scim_server.scim.errors import InvalidPath, InvalidSyntax, InvalidValue, ScimError
from scim_server.scim.normalise.mismatch import MISSING, described, kind_of
from scim_server.scim.schema import JsonObject
from scim_server.scim.values import shown

BULK_REQUEST_URN = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
BULK_RESPONSE_URN = "urn:ietf:params:scim:api:messages:2.0:BulkResponse"
MAX_OPERATIONS = 1_000
MAX_PAYLOAD_BYTES = 8 << 20

Method = Literal["POST", "PUT", "PATCH", "DELETE"]
Endpoint = Literal["Users", "Groups"]

_METHODS: Mapping[str, Method] = {"POST": "POST", "PUT": "PUT", "PATCH": "PATCH", "DELETE": "DELETE"}
_ENDPOINTS: Mapping[str, Endpoint] = {"users": "Users", "groups": "Groups"}
_PATH = re.compile(r"/*([A-Za-z]+)(?:/+([A-Za-z0-9:._-]{1,300}))?/*")
PREFIX = "bulkId:"
"""Before the name of what another operation creates."""
_DEEPEST = 32
_LONGEST_METHOD = 64
"""Of an unknown one that is sent back."""
_IN_PATH = re.compile(r'"bulkId:([^"\\]+)"')


@dataclass(frozen=True, slots=True)
class BulkOperation:
    """One operation. `target` is an id, or `bulkId:` and a name; None for POST alone.

    `refused` says what is wrong with it, when it can't even be tried.
    """

    index: int
    method: str
    """One of §3.7's; where it is refused, as it was sent."""
    endpoint: Endpoint = "Users"
    target: str | None = None
    bulk_id: str | None = None
    version: str | None = None
    data: Any = None
    refused: ScimError | None = None
    names: frozenset[str] = frozenset()
    """Of creations that its data refer to, or seem to."""
    size: int = 0
    """How many values are in its data, a long text counting for many."""

    @property
    def creates(self) -> str | None:
        """The name under which others may refer to what it creates."""
        return self.bulk_id if self.method == "POST" and self.refused is None else None


@dataclass(frozen=True, slots=True)
class Step:
    """Something to do. `later` names those that are created only after it: a `completes` step refers to them."""

    operation: BulkOperation
    later: frozenset[str] = frozenset()
    completes: bool = False


@dataclass(frozen=True, slots=True)
class BulkRequest:
    """`fail_on_errors`: after how many errors nothing more is done; None for never."""

    steps: tuple[Step, ...]
    fail_on_errors: int | None


def parse_bulk(body: Any, max_operations: int = MAX_OPERATIONS) -> BulkRequest:
    """Read and plan a request. What is wrong with one operation is kept in it.

    Raises InvalidSyntax and InvalidValue for what is no bulk request, ScimError 413 for too many operations.
    """
    if not isinstance(body, dict):
        raise InvalidSyntax(f"the body must be a JSON object, not {kind_of(body)}")
    fields = {key.lower(): value for key, value in body.items()}
    raw = fields.get("operations", MISSING)
    if not isinstance(raw, list):
        raise InvalidSyntax(
            f"Operations: expected an array, found {kind_of(raw)}", attribute="Operations", reason="expected an array"
        )
    if len(raw) > max_operations:
        raise ScimError(
            413,
            f"{len(raw)} operations in one request; at most {max_operations} are accepted",
            attribute="Operations",
            reason="too many operations",
        )
    limit = fields.get("failonerrors")
    if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int)):
        raise InvalidValue(f"failOnErrors: expected an integer, found {described(limit)}")
    if limit is not None and limit < 1:  # "never", as WSO2's and Webex's examples have it
        limit = None
    operations: list[BulkOperation] = []
    names: set[str] = set()
    for index, each in enumerate(raw):
        operation = _parsed(index, each, names)
        if operation.creates is not None:
            names.add(operation.creates)
        operations.append(operation)
    return BulkRequest(tuple(plan_bulk(operations)), limit)


def plan_bulk(operations: Sequence[BulkOperation]) -> list[Step]:
    """The steps in an order in which every reference is known when it is needed, except those named in `later`.

    An operation that has to wait is done after all that need not, and so on: what waits never makes another one wait
    that could be done. The work is linear in the operations and their references.
    """
    needs = _needs(operations)
    rounds = _rounds(needs, _broken(needs))
    ordered = sorted(range(len(operations)), key=lambda each: (rounds[each], each))
    place = {index: at for at, index in enumerate(ordered)}
    steps: list[Step] = []
    for index in ordered:
        later = frozenset(
            operations[needed].bulk_id or "" for needed in needs[index] if place[needed] >= place[index]
        )
        steps.append(Step(operations[index], later))
    completing = [Step(step.operation, step.later, completes=True) for step in steps if step.later]
    return steps + completing


def resolved(data: Any, ids: Mapping[str, str]) -> Any:
    """The data with references replaced by ids, where they are known: `bulkId:x` as a whole value, at the end of
    a `$ref`, and quoted in the path of a PATCH operation."""
    if isinstance(data, dict):
        return {
            key: _IN_PATH.sub(lambda found: f'"{ids.get(found[1], PREFIX + found[1])}"', value)
            if key.lower() == "path" and isinstance(value, str)
            else resolved(value, ids)
            for key, value in data.items()
        }
    if isinstance(data, list):
        return [resolved(value, ids) for value in data]
    if isinstance(data, str) and PREFIX in data:
        head, _, name = data.rpartition(PREFIX)
        if name in ids and (head == "" or head.endswith("/")):
            return head + ids[name]
    return data


def references(data: Any) -> set[str]:
    """Names of creations that the data refers to, or seems to. Raises InvalidSyntax for data too deep to be SCIM."""
    return _surveyed(data)[0]


def without_later(operation: BulkOperation, later: frozenset[str]) -> Any:
    """The data of a creation without what refers to `later`. Raises InvalidValue where that can't be left out."""
    remaining = _split(operation, later, keep=False)
    if unresolved := sorted(references(remaining) & later):
        raise InvalidValue(f"bulkId:{unresolved[0]}: a circular reference must be a member or a manager")
    return remaining


def completion(operation: BulkOperation, later: frozenset[str]) -> JsonObject:
    """The PATCH that adds what `without_later` left out."""
    added = _split(operation, later, keep=True)
    return {"Operations": [{"op": "add", "path": path, "value": value} for path, value in added.items()]}


def bulk_response(results: Iterable[JsonObject]) -> JsonObject:
    """The answer of §3.7.3."""
    return {"schemas": [BULK_RESPONSE_URN], "Operations": list(results)}


def _surveyed(data: Any) -> tuple[set[str], int]:
    """Names that the data refers to, and how much it is. Raises InvalidSyntax for data too deep to be SCIM."""
    names: set[str] = set()
    size = 0
    ahead: list[tuple[Any, str, int]] = [(data, "", 0)]
    while ahead:
        value, key, depth = ahead.pop()
        size += 1
        if depth > _DEEPEST:
            raise InvalidSyntax(f"data: nested more than {_DEEPEST} deep")
        if isinstance(value, dict):
            ahead += [(inner, inner_key.lower(), depth + 1) for inner_key, inner in value.items()]
        elif isinstance(value, list):
            ahead += [(inner, key, depth + 1) for inner in value]
        elif isinstance(value, str):
            size += len(value) // 128
            if PREFIX not in value:
                continue
            head, _, name = value.rpartition(PREFIX)
            if head == "" or head.endswith("/"):
                names.add(name)
            if key == "path":
                names.update(_IN_PATH.findall(value))
    return names, size


def _parsed(index: int, raw: Any, names: set[str]) -> BulkOperation:
    if not isinstance(raw, dict):
        refused = InvalidSyntax(f"Operations[{index}]: expected an object, found {kind_of(raw)}")
        return BulkOperation(index, "", refused=refused)
    fields = {key.lower(): value for key, value in raw.items()}
    bulk_id = fields.get("bulkid") if isinstance(fields.get("bulkid"), str) else None
    given = fields.get("method")
    method = given.strip().upper() if isinstance(given, str) else ""
    try:
        endpoint, target = _checked(index, method, fields, names)
        named, size = _surveyed(fields.get("data"))
    except ScimError as refused:
        sent = given[:_LONGEST_METHOD] if isinstance(given, str) else ""
        return BulkOperation(index, method if method in _METHODS else sent, bulk_id=bulk_id, refused=refused)
    data = fields.get("data")
    if isinstance(data, list):
        data = {"Operations": data}
    return BulkOperation(
        index,
        method,
        endpoint,
        target,
        bulk_id,
        fields.get("version"),
        data,
        names=frozenset(named),
        size=size,
    )


def _checked(index: int, method: str, fields: JsonObject, names: set[str]) -> tuple[Endpoint, str | None]:
    place = f"Operations[{index}]"
    if method not in _METHODS:
        raise InvalidSyntax(
            f"{place}.method: expected POST, PUT, PATCH or DELETE, found {described(fields.get('method', MISSING))}"
        )
    path = fields.get("path", MISSING)
    found = _PATH.fullmatch(path) if isinstance(path, str) else None
    endpoint = None if found is None else _ENDPOINTS.get(found[1].lower())
    if found is None or endpoint is None or (found[2] is None) != (method == "POST"):
        expected = "/Users or /Groups" if method == "POST" else "/Users/{id} or /Groups/{id}"
        raise InvalidPath(f"{place}.path: expected {expected}, found {described(path)}")
    for name in ("bulkId", "version"):
        if fields.get(name.lower()) is not None and not isinstance(fields[name.lower()], str):
            raise InvalidSyntax(f"{place}.{name}: expected a string, found {kind_of(fields[name.lower()])}")
    if method == "POST" and fields.get("bulkid") in names:
        raise InvalidValue(f"{place}.bulkId: {shown(fields['bulkid'])} is used by an earlier operation")
    # The RFC's own examples have a PATCH's operations themselves as its data (§3.7.3).
    if method != "DELETE" and not isinstance(fields.get("data"), (dict | list) if method == "PATCH" else dict):
        raise InvalidSyntax(f"{place}.data: expected an object, found {kind_of(fields.get('data', MISSING))}")
    return endpoint, found[2]


def _needs(operations: Sequence[BulkOperation]) -> list[list[int]]:
    """For each operation those that must be done before it, all by their place in the request: what creates what it
    refers to, and the one before it on the same target, which it must not overtake."""
    creators = {operation.creates: at for at, operation in enumerate(operations) if operation.creates is not None}
    last_on_target: dict[str, int] = {}
    needs: list[list[int]] = []
    for at, operation in enumerate(operations):
        needed = {creators[name] for name in operation.names if name in creators}
        if operation.target is not None:
            if operation.target.startswith(PREFIX) and (name := operation.target.removeprefix(PREFIX)) in creators:
                needed.add(creators[name])
            if operation.target in last_on_target:
                needed.add(last_on_target[operation.target])
            last_on_target[operation.target] = at
        needs.append(sorted(needed))
    return needs


def _broken(needs: Sequence[Sequence[int]]) -> set[tuple[int, int]]:
    """Needs, as (operation, what it needs), without which there is no circle. Creations alone come into one.

    A depth-first walk goes from each operation to those that need it. An operation that is met again while it is on
    the walk's own path is in a circle: it does without the operation that the walk came from.
    """
    needed_by: list[list[int]] = [[] for _ in needs]
    for operation, needed in enumerate(needs):
        for each in needed:
            needed_by[each].append(operation)
    broken: set[tuple[int, int]] = set()
    under_way, left = [False] * len(needs), [False] * len(needs)
    for start in range(len(needs)):
        if left[start]:
            continue
        under_way[start] = True
        walk = [(start, iter(needed_by[start]))]
        while walk:
            at, following = walk[-1]
            for each in following:
                if under_way[each]:
                    broken.add((each, at))
                elif not left[each]:
                    under_way[each] = True
                    walk.append((each, iter(needed_by[each])))
                    break
            else:
                walk.pop()
                under_way[at], left[at] = False, True
    return broken


def _rounds(needs: Sequence[Sequence[int]], broken: set[tuple[int, int]]) -> list[int]:
    """By operation, the pass over the request in which it is done: the first after all that it needs."""
    kept = [[each for each in needed if (operation, each) not in broken] for operation, needed in enumerate(needs)]
    waits_for = [len(needed) for needed in kept]
    needed_by: list[list[int]] = [[] for _ in needs]
    for operation, needed in enumerate(kept):
        for each in needed:
            needed_by[each].append(operation)
    rounds = [0] * len(needs)
    ready = [operation for operation, count in enumerate(waits_for) if not count]
    while ready:
        done = ready.pop()
        for each in needed_by[done]:
            rounds[each] = max(rounds[each], rounds[done] + (done > each))
            waits_for[each] -= 1
            if not waits_for[each]:
                ready.append(each)
    return rounds


def _split(operation: BulkOperation, later: frozenset[str], *, keep: bool) -> Any:
    """The data's members and manager that refer to `later`, by path (`keep`), or the data without them."""
    mentions: Callable[[Any], bool] = lambda value: bool(references(value) & later)  # noqa: E731
    added: JsonObject = {}
    rest: JsonObject = {}
    for key, value in operation.data.items():
        if operation.endpoint == "Groups" and key.lower() == "members" and isinstance(value, list):
            added["members"] = [member for member in value if mentions(member)]
            rest[key] = [member for member in value if not mentions(member)]
        elif operation.endpoint == "Users" and key.lower() == ENTERPRISE_URN.lower() and isinstance(value, dict):
            rest[key] = {}
            for name, inner in value.items():
                if name.lower() == "manager" and mentions(inner):
                    added[f"{ENTERPRISE_URN}:manager"] = inner
                else:
                    rest[key][name] = inner
        else:
            rest[key] = value
    return added if keep else rest
