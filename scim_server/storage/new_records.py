"""What a new record is, and what follows a change of one: the same in both databases. Pure."""

import uuid
from datetime import datetime, timedelta

from scim_server.provisioning.lifecycle import State, state_after
from scim_server.storage.records import Document, GroupRecord, UserRecord

_MICROSECOND = timedelta(microseconds=1)


def new_user(document: Document, active: bool, now: datetime, delay: timedelta) -> UserRecord:
    """`delay`: how long an inactive user is blocked before it is deactivated."""
    state, deactivate_at = state_after(active, None, None, now, delay)
    blocked_at = None if active else now
    return UserRecord(str(uuid.uuid4()), document, active, blocked_at, state, deactivate_at, now, now, version=1)


def changed_user(
    record: UserRecord, document: Document, active: bool, now: datetime, delay: timedelta, hold: str | None = None
) -> UserRecord:
    """The record after `record`. One that was inactive already keeps its `blocked_at` and its state.

    `hold`: of one that stays active although it is set inactive.

    A server of before there were states may have set `active` and `blocked_at` alone.
    """
    modified = _modified(record, now)
    blocked_at = None if active else record.blocked_at or modified
    before, at = (State.ACTIVE, None) if record.active else (record.state, record.deactivate_at)
    state, deactivate_at = state_after(active, before, at, blocked_at or modified, delay)
    if hold is not None:
        blocked_at, state, deactivate_at = None, State.ACTIVE, None
    return UserRecord(
        record.id,
        document,
        active,
        blocked_at,
        state,
        deactivate_at,
        record.created,
        modified,
        record.version + 1,
        hold,
        first_values=record.first_values,
    )


def new_group(document: Document, now: datetime) -> GroupRecord:
    return GroupRecord(str(uuid.uuid4()), document, now, now, version=1)


def changed_group(record: GroupRecord, document: Document, now: datetime) -> GroupRecord:
    """The record after `record`, whether its document changed or its members alone."""
    return GroupRecord(record.id, document, record.created, _modified(record, now), record.version + 1)


def _modified(before: UserRecord | GroupRecord, now: datetime) -> datetime:
    """Later than before, also for a change that began earlier than the one it waited for. So do statements in SQL."""
    return max(now, before.modified + _MICROSECOND)
