"""Bulk (RFC 7644 §3.7): each operation is a transaction of its own, done by the same functions as a request."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from scim_server.directory import groups, users
from scim_server.directory.caller import Caller
from scim_server.directory.directory import Directory
from scim_server.directory.group_documents import group_tag
from scim_server.directory.representation import location_of
from scim_server.directory.request_bodies import parse_group, parse_group_patch, parse_user, parse_user_patch
from scim_server.provisioning.cause import RequestCause
from scim_server.scim.bulk import (
    PREFIX,
    BulkOperation,
    BulkRequest,
    Step,
    completion,
    resolved,
    without_later,
)
from scim_server.scim.errors import InvalidValue, ScimError
from scim_server.scim.resource import Projection
from scim_server.scim.schema import JsonObject
from scim_server.scim.versions import ExpectedVersions, parse_if_match
from scim_server.storage.errors import StorageUnavailable

T = TypeVar("T")

_STATUS = {"POST": 201, "PUT": 200, "PATCH": 200, "DELETE": 204}
_LARGE = 4_000
"""Values of one operation, from which on understanding it takes some milliseconds."""


@dataclass(frozen=True, slots=True)
class Failure:
    """An operation that was refused."""

    request: RequestCause
    name: object
    """userName or displayName in its data."""
    error: ScimError


@dataclass(frozen=True, slots=True)
class BulkRun:
    """`results` in the order of the request; of operations that `failOnErrors` left undone there are none."""

    results: list[JsonObject]
    failures: list[Failure]


async def run_bulk(directory: Directory, caller: Caller, request: BulkRequest) -> BulkRun:
    run = _Run(directory, caller)
    for step in request.steps:
        if request.fail_on_errors is not None and run.failed >= request.fail_on_errors:
            break
        await run.take(step)
    return BulkRun([run.results[index] for index in sorted(run.results)], run.failures)


class _Run:
    """One request under way. `results` by index of the operation."""

    def __init__(self, directory: Directory, caller: Caller) -> None:
        self._directory = directory
        self._caller = caller
        self._users_shown = Projection(caller.tenant.users, attributes="id")
        self._ids: dict[str, str] = {}
        self._failed: set[str] = set()
        self.results: dict[int, JsonObject] = {}
        self.failed = 0
        self.failures: list[Failure] = []

    async def take(self, step: Step) -> None:
        operation = step.operation
        if step.completes and operation.bulk_id in self._failed:
            return
        try:
            self.results[operation.index] = await (self._complete(step) if step.completes else self._run(step))
        except ScimError as error:
            self._note_failure(operation, error)
        except StorageUnavailable:
            self._note_failure(operation, ScimError(503, "the database doesn't answer; try this operation again"))

    async def _run(self, step: Step) -> JsonObject:
        operation = step.operation
        if operation.refused is not None:
            raise operation.refused
        if missing := operation.names - step.later - self._ids.keys():
            raise self._unresolved(min(missing))
        resource_id, tag = await self._change(step, self._target(operation))
        if operation.creates is not None:
            self._ids[operation.creates] = resource_id
        return self._result(operation, _STATUS[operation.method], resource_id, tag)

    async def _complete(self, step: Step) -> JsonObject:
        """The second step of a creation in a circle."""
        operation = step.operation
        resource_id = self._ids[operation.creates or ""]
        _, tag = await self._patch(self._caller_of(operation, resource_id, "PATCH"), step, resource_id, None)
        return self._result(operation, _STATUS["POST"], resource_id, tag)

    async def _change(self, step: Step, target: str) -> tuple[str, str | None]:
        """The resource's id and its entity tag afterwards."""
        directory, operation = self._directory, step.operation
        caller = self._caller_of(operation, target)
        expected = parse_if_match(operation.version)
        of_users = operation.endpoint == "Users"
        match operation.method:
            case "POST" if of_users:
                document = await self._parse(step, parse_user)
                shown = await users.create_user(directory, caller, document, self._users_shown)
                return shown.resource["id"], shown.tag
            case "POST":
                record = await groups.create_group(directory, caller, await self._parse(step, parse_group))
                return record.id, group_tag(record)
            case "PUT" if of_users:
                document = await self._parse(step, parse_user)
                shown = await users.replace_user(directory, caller, target, document, expected, self._users_shown)
                return target, shown.tag
            case "PUT":
                wanted = await self._parse(step, parse_group)
                return target, group_tag(await groups.replace_group(directory, caller, target, wanted, expected))
            case "PATCH":
                return await self._patch(caller, step, target, expected)
            case _:
                delete = users.delete_user if of_users else groups.delete_group
                await delete(directory, caller, target, expected)
                return target, None

    def _caller_of(self, operation: BulkOperation, target: str, method: str | None = None) -> Caller:
        """Who is known for this operation alone, in events and in the sync log."""
        if self._caller.request is None:
            return self._caller
        method = method or operation.method
        request = replace(
            self._caller.request,
            method=method,
            resource_type=operation.endpoint.removesuffix("s"),
            resource_id=target or None,
            status=_STATUS.get(method, 200),
        )
        return replace(self._caller, request=request)

    async def _patch(
        self, caller: Caller, step: Step, target: str, expected: ExpectedVersions
    ) -> tuple[str, str | None]:
        directory = self._directory
        if step.operation.endpoint == "Users":
            operations = await self._parse(step, parse_user_patch)
            shown = await users.patch_user(directory, caller, target, operations, expected, self._users_shown)
            return target, shown.tag
        plan = await self._parse(step, parse_group_patch)
        return target, group_tag(await groups.patch_group(directory, caller, target, plan, expected))

    async def _parse(self, step: Step, parse: Callable[[Caller, Any], T]) -> T:
        """What `parse` makes of the data of a step; of much data in a thread, as of the body of a request."""
        if step.operation.size > _LARGE:
            return await asyncio.to_thread(lambda: parse(self._caller, self._data(step)))
        return parse(self._caller, self._data(step))

    def _data(self, step: Step) -> Any:
        """With the ids that are known by now."""
        operation = step.operation
        if step.completes:
            data = completion(operation, step.later)
        else:
            data = without_later(operation, step.later) if step.later else operation.data
        return resolved(data, self._ids) if operation.names else data

    def _target(self, operation: BulkOperation) -> str:
        """The id in the path; empty for POST. Raises InvalidValue when its creation failed."""
        target = operation.target or ""
        if not target.startswith(PREFIX):
            return target
        name = target.removeprefix(PREFIX)
        if name not in self._ids:
            raise self._unresolved(name).at(f"Operations[{operation.index}].path")
        return self._ids[name]

    def _unresolved(self, name: str) -> InvalidValue:
        reason = "the operation that creates it failed" if name in self._failed else "no operation creates it"
        return InvalidValue(f"bulkId {name[:64]!r}: {reason}")

    def _note_failure(self, operation: BulkOperation, error: ScimError) -> None:
        if operation.creates is not None:
            self._failed.add(operation.creates)
        self.failed += 1
        target = operation.target if operation.target and not operation.target.startswith(PREFIX) else None
        if (request := self._caller_of(operation, target or "").request) is not None:
            data = operation.data if isinstance(operation.data, dict) else {}
            self.failures.append(Failure(request, data.get("userName") or data.get("displayName"), error))
        self.results[operation.index] = self._result(operation, error.status, target, None) | {
            "response": error.body()
        }

    def _result(self, operation: BulkOperation, status: int, resource_id: str | None, tag: str | None) -> JsonObject:
        result: JsonObject = {"method": operation.method, "status": str(status)}
        if operation.bulk_id is not None:
            result["bulkId"] = operation.bulk_id
        if resource_id is not None:
            result["location"] = location_of(self._caller.base_url, f"/{operation.endpoint}", resource_id)
        if tag is not None:
            result["version"] = tag
        return result
