"""Groups as JSON, written while the database is read: a group may have any number of members."""

from collections.abc import Iterable

import orjson

from scim_server.directory.caller import Caller
from scim_server.directory.changed_schemas import fit_record
from scim_server.directory.output import Output
from scim_server.directory.representation import location_of, meta_of
from scim_server.scim.resource import Projection
from scim_server.scim.schema import JsonObject
from scim_server.scim.versions import etag
from scim_server.storage.protocol import Reader
from scim_server.storage.records import GroupRecord, Member


async def write_group(
    caller: Caller, reader: Reader, record: GroupRecord, projection: Projection, out: Output
) -> None:
    """One group as a whole answer."""
    names_members = projection.includes_part("members", "display")  # which have versions of their own
    if out.begin(group_location(caller, record), group_tag(record), tag_covers_all=not names_members):
        await _write_group(caller, reader, record, projection, out)


async def write_groups(
    caller: Caller, reader: Reader, records: Iterable[GroupRecord], projection: Projection, out: Output
) -> None:
    """The elements of a JSON array."""
    for index, record in enumerate(records):
        if index:
            out.write(b",")
        await _write_group(caller, reader, record, projection, out)


def group_location(caller: Caller, record: GroupRecord) -> str:
    return location_of(caller.base_url, caller.tenant.groups.endpoint, record.id)


def group_tag(record: GroupRecord) -> str:
    return etag(record.version)


async def _write_group(
    caller: Caller, reader: Reader, record: GroupRecord, projection: Projection, out: Output
) -> None:
    record = fit_record(record, caller.tenant.group_schemas)
    location = group_location(caller, record)
    resource: JsonObject = {
        "id": record.id,
        **record.document,
        "meta": meta_of("Group", record.created, record.modified, group_tag(record), location),
    }
    head = orjson.dumps(projection.apply(resource), option=orjson.OPT_UTC_Z)
    if not projection.includes("members"):
        out.write(head)
        return
    out.write(head[:-1] + b',"members":[')
    separator = b""
    async for chunk in reader.members(record.id, names=projection.includes_part("members", "display")):
        members = projection.apply({"members": [_member(member, caller) for member in chunk]}).get("members")
        if members:
            out.write(separator + orjson.dumps(members)[1:-1])
            separator = b","
    out.write(b"]}")


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
