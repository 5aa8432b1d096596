"""What a new record is, and what follows a change of one: the same in both databases. Pure."""

import uuid
from datetime import datetime

from scim_server.storage.records import Document, GroupRecord, UserRecord


def new_user(document: Document, active: bool, now: datetime) -> UserRecord:
    return UserRecord(str(uuid.uuid4()), document, active, None if active else now, now, now, version=1)


def changed_user(record: UserRecord, document: Document, active: bool, now: datetime) -> UserRecord:
    """The record after `record`. One that was inactive already keeps its `blocked_at`."""
    blocked_at = None if active else record.blocked_at or now
    return UserRecord(record.id, document, active, blocked_at, record.created, now, record.version + 1)


def new_group(document: Document, now: datetime) -> GroupRecord:
    return GroupRecord(str(uuid.uuid4()), document, now, now, version=1)


def changed_group(record: GroupRecord, document: Document, now: datetime) -> GroupRecord:
    """The record after `record`, whether its document changed or its members alone."""
    return GroupRecord(record.id, document, record.created, now, record.version + 1)
