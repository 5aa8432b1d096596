"""What a new record is, and what follows a change of one: the same in both databases. Pure."""

import uuid
from datetime import datetime, timedelta

from scim_server.storage.records import Document, GroupRecord, UserRecord

_MICROSECOND = timedelta(microseconds=1)


def new_user(document: Document, active: bool, now: datetime) -> UserRecord:
    return UserRecord(str(uuid.uuid4()), document, active, None if active else now, now, now, version=1)


def changed_user(record: UserRecord, document: Document, active: bool, now: datetime) -> UserRecord:
    """The record after `record`. One that was inactive already keeps its `blocked_at`."""
    modified = _modified(record, now)
    blocked_at = None if active else record.blocked_at or modified
    return UserRecord(record.id, document, active, blocked_at, record.created, modified, record.version + 1)


def new_group(document: Document, now: datetime) -> GroupRecord:
    return GroupRecord(str(uuid.uuid4()), document, now, now, version=1)


def changed_group(record: GroupRecord, document: Document, now: datetime) -> GroupRecord:
    """The record after `record`, whether its document changed or its members alone."""
    return GroupRecord(record.id, document, record.created, _modified(record, now), record.version + 1)


def _modified(before: UserRecord | GroupRecord, now: datetime) -> datetime:
    """Later than before, also for a change that began earlier than the one it waited for. So do statements in SQL."""
    return max(now, before.modified + _MICROSECOND)
