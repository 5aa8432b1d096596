"""Profiles as applications see them, in events and in the effective extension. Pure."""

from scim_server.provisioning.lifecycle import State
from scim_server.provisioning.policy import Policy
from scim_server.scim.schema import JsonObject
from scim_server.storage.records import UserRecord


def shown_profile(record: UserRecord, policy: Policy) -> JsonObject:
    """The stored one; while it is still to be computed, what can be told without the user's groups.

    `active` follows the state: what an application should do, which a hold may part from the provider's word.
    """
    values = record.profile
    if values is None:
        user = {"id": record.id, **record.document, "active": record.active}
        values = policy.profile.compute(user, first_values=record.first_values).values
    return values if policy.profile.sets("active") else values | {"active": record.state is State.ACTIVE}
