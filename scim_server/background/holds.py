"""Works off holds that are decided or expire, in batches, by whichever replica."""

import logging

from scim_server.provisioning.cause import BY_TIME, Cause
from scim_server.provisioning.guards import HoldKind
from scim_server.storage.protocol import Storage

_log = logging.getLogger(__name__)

_AT_ONCE = 500
"""Users in one transaction."""


async def end_hold(storage: Storage, tenant: str, hold_id: str) -> None:
    """One that is due. What a crash leaves is due still."""
    hold = await storage.write(tenant, lambda writer: writer.due_hold(hold_id), BY_TIME)
    if hold is None or hold.decided_by is None:
        return
    _log.info(
        "hold %s of %s, of %d users, ends: %s by %s", hold.id, tenant, hold.users, hold.decision, hold.decided_by
    )
    cause = Cause(hold.decided_by, detail=hold.id)
    while await storage.write(tenant, lambda writer: writer.work_off_hold(hold, _AT_ONCE), cause):
        pass
    if hold.kind is HoldKind.ROLES:  # what it held is pending, and has this cause
        while await storage.write(tenant, lambda writer: writer.recompute_some(), cause) is not None:
            pass
