"""What can be done with groups.

Membership is changed by deltas; the members of a group are never loaded to change them, and only read, in
chunks, when an answer shows them.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

import orjson

from scim_server.directory.caller import Caller
from scim_server.directory.changed_schemas import fit_record
from scim_server.directory.directory import Directory
from scim_server.directory.group_documents import write_group, write_groups
from scim_server.directory.lists import Listed, ListRequest, list_page
from scim_server.directory.output import Output
from scim_server.directory.patching import patched
from scim_server.provisioning.grants import Grant
from scim_server.scim.errors import InvalidValue, NotFound, UniquenessViolation
from scim_server.scim.paging import envelope
from scim_server.scim.patch import GroupPatch, MembersDelta
from scim_server.scim.resource import Projection, check_immutable, validate_resource
from scim_server.scim.schema import JsonObject
from scim_server.scim.versions import ExpectedVersions, require_version
from scim_server.storage.errors import DisplayNameTaken, UnknownMembers
from scim_server.storage.protocol import Reader, Writer
from scim_server.storage.records import GroupRecord, LockedGroup, MembersChanged


@dataclass(frozen=True, slots=True)
class WantedGroup:
    """What a body of POST or PUT asks for. `members`: ids, or None where the body didn't name members at all."""

    document: JsonObject
    members: frozenset[str] | None


async def create_group(directory: Directory, caller: Caller, wanted: WantedGroup) -> GroupRecord:
    """POST; members are read apart, after the commit, where an answer shows them.

    Raises ScimError: 400 for the document or for members that don't exist, 409 uniqueness.
    """
    document = wanted.document
    validate_resource(document, caller.tenant.groups)

    async def work(writer: Writer) -> GroupRecord:
        group = await writer.insert_group(document, await _grants(directory, writer, document))
        if wanted.members:
            await _change_members(caller, writer, group, MembersDelta(add=wanted.members))
        return group.record

    return await _write(directory, caller, work)


async def replace_group(
    directory: Directory, caller: Caller, group_id: str, wanted: WantedGroup, expected: ExpectedVersions
) -> GroupRecord:
    """PUT. A body that doesn't name `members` at all leaves them; null and [] remove all.

    Raises ScimError: 400 for the document or for members that don't exist, 404, 409 uniqueness, 412.
    """
    document = wanted.document
    delta = MembersDelta() if wanted.members is None else MembersDelta(replace=wanted.members)

    async def work(writer: Writer) -> GroupRecord:
        group = await _locked(caller, writer, group_id, expected)
        check_immutable(group.record.document, document, caller.tenant.groups)
        return await _change(directory, caller, writer, group, document, delta)

    return await _write(directory, caller, work)


async def patch_group(
    directory: Directory, caller: Caller, group_id: str, plan: GroupPatch, expected: ExpectedVersions
) -> GroupRecord:
    """PATCH. Raises ScimError: 400 for an operation or for members that don't exist, 404, 409 uniqueness, 412."""

    async def work(writer: Writer) -> GroupRecord:
        group = await _locked(caller, writer, group_id, expected)
        document = await patched(
            writer.compute,
            group.record.document,
            plan.document_operations,
            caller.tenant.groups,
            strict=caller.tenant.strict,
        )
        return await _change(directory, caller, writer, group, document, plan.members)

    return await _write(directory, caller, work)


async def delete_group(directory: Directory, caller: Caller, group_id: str, expected: ExpectedVersions) -> None:
    """Raises NotFound, PreconditionFailed."""

    async def work(writer: Writer) -> None:
        await writer.delete_group(await _locked(caller, writer, group_id, expected))

    await directory.write(caller, work)


async def get_group(directory: Directory, caller: Caller, group_id: str, projection: Projection, out: Output) -> None:
    """GET. Raises NotFound."""

    async def work(reader: Reader) -> None:
        record = await reader.group(group_id)
        if record is None:
            raise _not_found(group_id)
        await write_group(caller, reader, record, projection, out)

    await directory.read(caller, work, snapshot=projection.includes("members"))


async def show_group(
    directory: Directory, caller: Caller, record: GroupRecord, projection: Projection, out: Output
) -> None:
    """A group as a change has left it, with the members of now."""

    async def work(reader: Reader) -> None:
        await write_group(caller, reader, record, projection, out)

    await directory.read(caller, work)


async def list_groups(
    directory: Directory, caller: Caller, request: ListRequest, projection: Projection, out: Output
) -> None:
    """A list response. Raises InvalidFilter, InvalidPath, InvalidCursor, ExpiredCursor."""

    async def work(reader: Reader) -> None:
        listed = await groups_page(directory, caller, request, reader)
        cursors = listed.next_cursor, listed.previous_cursor
        head = envelope(len(listed.items), listed.total, listed.start_index, *cursors)
        out.write(orjson.dumps(head)[:-1] + b',"Resources":[')
        await write_groups(caller, reader, listed.items, projection, out)
        out.write(b"]}")

    await directory.read(caller, work, snapshot=projection.includes("members"))


async def groups_page(
    directory: Directory, caller: Caller, request: ListRequest, reader: Reader
) -> Listed[GroupRecord]:
    """A page of groups, within a read that shows them."""
    return await list_page(directory, caller, caller.tenant.groups, request, reader.groups)


async def _locked(caller: Caller, writer: Writer, group_id: str, expected: ExpectedVersions) -> LockedGroup:
    group = await writer.lock_group(group_id)
    if group is None:
        raise _not_found(group_id)
    require_version(expected, group.record.version)
    return replace(group, record=fit_record(group.record, caller.tenant.group_schemas))


async def _change(
    directory: Directory,
    caller: Caller,
    writer: Writer,
    group: LockedGroup,
    document: JsonObject,
    delta: MembersDelta,
) -> GroupRecord:
    """Only what really changes is written; Okta sends the name along with every change of members."""
    before = group.record
    if document != before.document:
        validate_resource(document, caller.tenant.groups, before=before.document)
        group = await writer.update_group(
            group, document, await _grants(directory, writer, document, group.record.id)
        )
    if delta and await _change_members(caller, writer, group, delta) and group.record is before:
        return await writer.touch_group(group)
    return group.record


async def _change_members(caller: Caller, writer: Writer, group: LockedGroup, delta: MembersDelta) -> MembersChanged:
    """Providers send deletions and memberships beside each other: the result is as if a member were deleted last."""
    return await writer.change_members(group, delta, leave_out_deleted=not caller.tenant.strict)


async def _grants(
    directory: Directory, writer: Writer, document: JsonObject, group_id: str | None = None
) -> frozenset[Grant]:
    policy = await directory.policies.of(writer)
    return policy.grants_of(document.get("displayName"), document.get("externalId"), group_id)


async def _write(
    directory: Directory, caller: Caller, work: Callable[[Writer], Awaitable[GroupRecord]]
) -> GroupRecord:
    try:
        return await directory.write(caller, work)
    except DisplayNameTaken as taken:
        raise UniquenessViolation(
            f"displayName is taken by the group with id {taken.existing_id}", attribute="displayName"
        ) from None
    except UnknownMembers as unknown:
        ids = ", ".join(one[:64] for one in unknown.ids)
        raise InvalidValue(
            f"members: no user or group has the id {ids}", attribute="members", reason="no such user or group"
        ) from None


def _not_found(group_id: str) -> NotFound:
    return NotFound(f"there is no group with id {group_id[:64]}")
