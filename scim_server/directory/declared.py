"""Records with the values of a tenant's own schemas as it declares them now."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from scim_server.scim.declared import document_as_declared
from scim_server.scim.schema import Schema
from scim_server.storage.records import GroupRecord, UserRecord

Record = TypeVar("Record", UserRecord, GroupRecord)


def as_declared(record: Record, schemas: Sequence[Schema]) -> Record:
    """`schemas`: the tenant's own for this kind of record."""
    if not schemas:
        return record
    document = document_as_declared(record.document, schemas)
    return record if document is record.document else replace(record, document=document)
