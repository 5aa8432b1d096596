"""What can be done with users.

Every change is one transaction; `version` and `lastModified` move only when something really changed, so that a
provider's repeats leave no trace. Where a body doesn't name `active`, it stays as it was: a PUT from a template
without the attribute must not let a blocked user in again. Nor must a PATCH that removes it: that only hides it.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TypeVar

import orjson

from scim_server.directory.caller import Caller
from scim_server.directory.changed_schemas import fit_record
from scim_server.directory.directory import Directory
from scim_server.directory.effective_extension import effective_extensions
from scim_server.directory.lists import Listed, ListRequest, list_page
from scim_server.directory.output import Output
from scim_server.directory.patching import patched
from scim_server.directory.representation import Representation, location_of, meta_of
from scim_server.provisioning.lifecycle import State
from scim_server.scim.effective_schema import EFFECTIVE_URN
from scim_server.scim.errors import NotFound, UniquenessViolation
from scim_server.scim.paging import envelope
from scim_server.scim.patch import Operation
from scim_server.scim.resource import Projection, check_immutable, validate_resource
from scim_server.scim.schema import JsonObject
from scim_server.scim.versions import ExpectedVersions, etag, require_version
from scim_server.storage.errors import UserNameTaken
from scim_server.storage.protocol import Reader, Writer
from scim_server.storage.records import GroupReference, UserRecord

T = TypeVar("T")


async def create_user(
    directory: Directory, caller: Caller, document: JsonObject, projection: Projection
) -> Representation:
    """POST. Raises ScimError: 400 for the document, 409 uniqueness naming the user that has the userName."""
    active: bool = document.setdefault("active", True)
    validate_resource(document, caller.tenant.users)

    with _conflict_where_taken():
        record = await directory.insert_user(caller, document, active)
    if not projection.includes_extension(EFFECTIVE_URN):  # a new user is in no group: nothing is to be read
        return _representation(caller, record, projection)

    async def work(reader: Reader) -> Representation:
        return await _show_one(directory, caller, reader, record, projection)

    return await directory.read(caller, work)


async def get_user(directory: Directory, caller: Caller, user_id: str, projection: Projection) -> Representation:
    """Raises NotFound."""

    async def work(reader: Reader) -> Representation:
        record = await (reader.user_as_applied(user_id) if caller.reads_effective else reader.user(user_id))
        if record is None:
            raise _not_found(user_id)
        return await _show_one(directory, caller, reader, record, projection)

    return await directory.read(caller, work)


async def list_users(
    directory: Directory, caller: Caller, request: ListRequest, projection: Projection, out: Output
) -> None:
    """A list response. Raises InvalidFilter, InvalidPath, InvalidCursor, ExpiredCursor, TooMany."""

    async def work(reader: Reader) -> None:
        listed = await users_page(directory, caller, request, reader)
        cursors = listed.next_cursor, listed.previous_cursor
        head = envelope(len(listed.items), listed.total, listed.start_index, *cursors)
        out.write(orjson.dumps(head)[:-1] + b',"Resources":[')
        await write_users(directory, caller, reader, listed.items, projection, out)
        out.write(b"]}")

    await directory.read(caller, work)


async def users_page(
    directory: Directory, caller: Caller, request: ListRequest, reader: Reader
) -> Listed[UserRecord]:
    """A page of users, within a read that shows them."""
    tenant = caller.tenant
    query = replace(request.query, permissions=tenant.permissions, as_applied=caller.reads_effective)
    asked = replace(request, query=query)
    return await list_page(directory, caller, tenant.users, asked, reader.users)


async def write_users(
    directory: Directory,
    caller: Caller,
    reader: Reader,
    records: Sequence[UserRecord],
    projection: Projection,
    out: Output,
) -> None:
    """The elements of a JSON array. A user may be in thousands of groups: only so many are held at once."""
    separator, written, at_once = b"", 0, len(records)
    while written < len(records):
        shown = await _show(directory, caller, reader, records[written : written + at_once], projection)
        for one in shown:
            out.write(separator + orjson.dumps(one.resource, option=orjson.OPT_UTC_Z))
            separator = b","
        written += len(shown)
        at_once = len(shown)


async def replace_user(
    directory: Directory,
    caller: Caller,
    user_id: str,
    document: JsonObject,
    expected: ExpectedVersions,
    projection: Projection,
) -> Representation:
    """PUT. Raises ScimError: 400 for the document, 404, 409 uniqueness, 412."""

    async def work(writer: Writer) -> Representation:
        record = await _locked(caller, writer, user_id, expected)
        replacement = {"active": record.active, **document}
        check_immutable(record.document, replacement, caller.tenant.users)
        record = await _update(caller, writer, record, replacement)
        return await _show_one(directory, caller, writer, record, projection)

    return await _write(directory, caller, work)


async def patch_user(
    directory: Directory,
    caller: Caller,
    user_id: str,
    operations: Sequence[Operation],
    expected: ExpectedVersions,
    projection: Projection,
) -> Representation:
    """PATCH. Raises ScimError: 400 for an operation, 404, 409 uniqueness, 412."""

    async def work(writer: Writer) -> Representation:
        record = await _locked(caller, writer, user_id, expected)
        users, strict = caller.tenant.users, caller.tenant.strict
        document = await patched(writer.compute, record.document, operations, users, strict=strict)
        record = await _update(caller, writer, record, document)
        return await _show_one(directory, caller, writer, record, projection)

    return await _write(directory, caller, work)


async def delete_user(directory: Directory, caller: Caller, user_id: str, expected: ExpectedVersions) -> None:
    """Raises NotFound, PreconditionFailed."""

    async def work(writer: Writer) -> None:
        user = await writer.lock_user_with_groups(user_id)
        if user is None:
            raise _not_found(user_id)
        require_version(expected, user.record.version)
        await writer.delete_user(user)

    await directory.write(caller, work)


async def _locked(caller: Caller, writer: Writer, user_id: str, expected: ExpectedVersions) -> UserRecord:
    record = await writer.lock_user(user_id)
    if record is None:
        raise _not_found(user_id)
    require_version(expected, record.version)
    return fit_record(record, caller.tenant.user_schemas)


async def _update(caller: Caller, writer: Writer, record: UserRecord, document: JsonObject) -> UserRecord:
    if document == record.document:
        return record
    validate_resource(document, caller.tenant.users, before=record.document)
    return await writer.update_user(record, document, document.get("active", record.active))


async def _write(directory: Directory, caller: Caller, work: Callable[[Writer], Awaitable[T]]) -> T:
    with _conflict_where_taken():
        return await directory.write(caller, work)


@contextmanager
def _conflict_where_taken() -> Iterator[None]:
    try:
        yield
    except UserNameTaken as taken:
        raise UniquenessViolation(
            f"userName is taken by the user with id {taken.existing_id}", attribute="userName"
        ) from None


async def _show_one(
    directory: Directory, caller: Caller, reader: Reader, record: UserRecord, projection: Projection
) -> Representation:
    (shown,) = await _show(directory, caller, reader, [record], projection)
    return shown


async def _show(
    directory: Directory, caller: Caller, reader: Reader, records: Sequence[UserRecord], projection: Projection
) -> list[Representation]:
    """Of the first users, as many as the reader reads groups and roles of, and of one at least. Groups and the
    extension are read only where they are shown."""
    records = [fit_record(record, caller.tenant.user_schemas) for record in records]
    groups: Mapping[str, Sequence[GroupReference]] = {}
    extensions: Mapping[str, JsonObject] = {}
    if projection.includes("groups") and records:
        groups = await reader.groups_of([record.id for record in records])
        records = records[: len(groups)]
    if projection.includes_extension(EFFECTIVE_URN):
        extensions = await effective_extensions(directory, caller.tenant, reader, records)
        records = records[: len(extensions)]
    return [
        _representation(caller, record, projection, groups.get(record.id, ()), extensions.get(record.id))
        for record in records
    ]


def _representation(
    caller: Caller,
    record: UserRecord,
    projection: Projection,
    groups: Sequence[GroupReference] = (),
    extension: JsonObject | None = None,
) -> Representation:
    derived: JsonObject = {}  # what changes without the user's version
    if caller.reads_effective and record.document.get("active", True) is not (record.state is State.ACTIVE):
        derived["active"] = record.state is State.ACTIVE  # what the provider has set is held
    if groups:
        derived["groups"] = [_group_reference(group, caller) for group in groups]
    if extension is not None:
        derived[EFFECTIVE_URN] = extension
    tag = etag(record.version, orjson.dumps(derived) if derived else b"")
    location = location_of(caller.base_url, caller.tenant.users.endpoint, record.id)
    resource: JsonObject = {
        "id": record.id,
        **record.document,
        "meta": meta_of("User", record.created, record.modified, tag, location),
        **derived,
    }
    return Representation(projection.apply(resource), location, tag)


def _group_reference(group: GroupReference, caller: Caller) -> JsonObject:
    return {
        "value": group.id,
        "$ref": location_of(caller.base_url, caller.tenant.groups.endpoint, group.id),
        "display": group.display,
        "type": "direct" if group.direct else "indirect",
    }


def _not_found(user_id: str) -> NotFound:
    return NotFound(f"there is no user with id {user_id[:64]}")
