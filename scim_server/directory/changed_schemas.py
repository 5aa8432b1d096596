"""Fits records to a tenant's own schemas of today."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from scim_server.scim.changed_schemas import fit_document
from scim_server.scim.schema import Schema
from scim_server.storage.records import GroupRecord, UserRecord

Record = TypeVar("Record", UserRecord, GroupRecord)


def fit_record(record: Record, schemas: Sequence[Schema]) -> Record:
    """`schemas`: the tenant's own for this kind of record."""
    if not schemas:
        return record
    document = fit_document(record.document, schemas)
    return record if document is record.document else replace(record, document=document)
