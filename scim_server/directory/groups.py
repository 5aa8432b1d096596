"""What can be done with groups.

Membership is changed by deltas; the members of a group are never loaded to change them, and only read, in
chunks, when an answer shows them.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import orjson

from scim_server.directory.caller import Caller
from scim_server.directory.directory import Directory
from scim_server.directory.readings import read_patch, read_resource
from scim_server.directory.shown import location_of, meta_of
from scim_server.provisioning.grants import Grant
from scim_server.scim.errors import InvalidValue, NotFound, UniquenessViolation
from scim_server.scim.normalise import take_members
from scim_server.scim.patch import MembersDelta, apply_to_document, plan_group_patch
from scim_server.scim.resource import Projection, check_immutable, validate_resource
from scim_server.scim.schema import JsonObject
from scim_server.scim.versions import require_match
from scim_server.storage.errors import DisplayNameTaken, UnknownMembers
from scim_server.storage.protocol import Reader, Writer
from scim_server.storage.records import GroupRecord, Member


async def create_group(directory: Directory, caller: Caller, body: Any) -> GroupRecord:
    """POST; members are read apart, after the commit, where an answer shows them.

    Raises ScimError: 400 for the body or for members that don't exist, 409 uniqueness.
    """
    document = read_resource(caller, body, caller.tenant.groups)
    members = take_members(document)
    validate_resource(document, caller.tenant.groups)

    async def work(writer: Writer) -> GroupRecord:
        record = await writer.insert_group(document, await _grants(directory, writer, document))
        if members:
            await writer.change_members(record.id, MembersDelta(add=members))
        return record

    return await _write(directory, caller, work)


async def replace_group(
    directory: Directory, caller: Caller, group_id: str, body: Any, if_match: str | None
) -> GroupRecord:
    """PUT. A body that doesn't name `members` at all leaves them; null and [] remove all.

    Raises ScimError: 400 for the body or for members that don't exist, 404, 409 uniqueness, 412.
    """
    document = read_resource(caller, body, caller.tenant.groups)
    members = take_members(document)
    delta = MembersDelta() if members is None else MembersDelta(replace=members)

    async def work(writer: Writer) -> GroupRecord:
        record = await _locked(writer, group_id, if_match)
        check_immutable(record.document, document, caller.tenant.groups)
        return await _change(directory, caller, writer, record, document, delta)

    return await _write(directory, caller, work)


async def patch_group(
    directory: Directory, caller: Caller, group_id: str, body: Any, if_match: str | None
) -> GroupRecord:
    """PATCH. Raises ScimError: 400 for an operation or for members that don't exist, 404, 409 uniqueness, 412."""
    plan = plan_group_patch(read_patch(caller, body, caller.tenant.groups), caller.tenant.groups)

    async def work(writer: Writer) -> GroupRecord:
        record = await _locked(writer, group_id, if_match)
        document = apply_to_document(
            record.document, plan.document_operations, caller.tenant.groups, creates=not caller.tenant.strict
        )
        return await _change(directory, caller, writer, record, document, plan.members)

    return await _write(directory, caller, work)


async def delete_group(directory: Directory, caller: Caller, group_id: str, if_match: str | None) -> None:
    """Raises NotFound, PreconditionFailed."""

    async def work(writer: Writer) -> None:
        if if_match is not None:
            await _locked(writer, group_id, if_match)
        if not await writer.delete_group(group_id):
            raise _not_found(group_id)

    await directory.write(caller, work)


async def existing_group(reader: Reader, group_id: str) -> GroupRecord:
    """Raises NotFound."""
    record = await reader.group(group_id)
    if record is None:
        raise _not_found(group_id)
    return record


async def group_pieces(
    caller: Caller, reader: Reader, record: GroupRecord, projection: Projection
) -> AsyncIterator[bytes]:
    """A group as JSON, its members chunk by chunk."""
    location = group_location(caller, record)
    resource: JsonObject = {
        "id": record.id,
        **record.document,
        "meta": meta_of("Group", record.created, record.modified, record.version, location),
    }
    head = orjson.dumps(projection.apply(resource), option=orjson.OPT_UTC_Z)
    if not projection.includes("members"):
        yield head
        return
    yield head[:-1] + b',"members":['
    separator = b""
    async for chunk in reader.members(record.id):
        members = projection.apply({"members": [_member(member, caller) for member in chunk]}).get("members")
        if members:
            yield separator + orjson.dumps(members)[1:-1]
            separator = b","
    yield b"]}"


def group_location(caller: Caller, record: GroupRecord) -> str:
    return location_of(caller.base_url, caller.tenant.groups.endpoint, record.id)


async def _locked(writer: Writer, group_id: str, if_match: str | None) -> GroupRecord:
    record = await writer.lock_group(group_id)
    if record is None:
        raise _not_found(group_id)
    require_match(if_match, record.version)
    return record


async def _change(
    directory: Directory,
    caller: Caller,
    writer: Writer,
    record: GroupRecord,
    document: JsonObject,
    delta: MembersDelta,
) -> GroupRecord:
    """Only what really changes is written; Okta sends the name along with every change of members."""
    after = record
    if document != record.document:
        validate_resource(document, caller.tenant.groups)
        after = await writer.update_group(record, document, await _grants(directory, writer, document))
    if delta and await writer.change_members(record.id, delta) and after is record:
        after = await writer.touch_group(record)
    return after


async def _grants(directory: Directory, writer: Writer, document: JsonObject) -> frozenset[Grant]:
    rules = await directory.rules.of(writer)
    return rules.grants_of(document.get("displayName"), document.get("externalId"))


async def _write(
    directory: Directory, caller: Caller, work: Callable[[Writer], Awaitable[GroupRecord]]
) -> GroupRecord:
    try:
        return await directory.write(caller, work)
    except DisplayNameTaken as taken:
        raise UniquenessViolation(f"displayName is taken by the group with id {taken.existing_id}") from None
    except UnknownMembers as unknown:
        ids = ", ".join(one[:64] for one in unknown.ids)
        raise InvalidValue(f"members: no user or group has the id {ids}") from None


def _member(member: Member, caller: Caller) -> JsonObject:
    tenant = caller.tenant
    endpoint = tenant.users.endpoint if member.kind == "User" else tenant.groups.endpoint
    shown: JsonObject = {
        "value": member.id,
        "$ref": location_of(caller.base_url, endpoint, member.id),
        "type": member.kind,
    }
    if member.display is not None:
        shown["display"] = member.display
    return shown


def _not_found(group_id: str) -> NotFound:
    return NotFound(f"there is no group with id {group_id[:64]}")
