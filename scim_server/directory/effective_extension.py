"""The read-only extension of a user: state, roles with their reasons, permissions, profile."""

from collections.abc import Mapping, Sequence

from scim_server.directory.directory import Directory
from scim_server.directory.tenant import ServedTenant
from scim_server.provisioning.events import reason_json
from scim_server.provisioning.roles import EffectiveRole, permissions_of
from scim_server.scim.schema import JsonObject
from scim_server.storage.protocol import Reader
from scim_server.storage.records import UserRecord
from scim_server.storage.shown_profiles import shown_profile


async def effective_extensions(
    directory: Directory, tenant: ServedTenant, reader: Reader, records: Sequence[UserRecord]
) -> Mapping[str, JsonObject]:
    """The extension of each user, by id: of the first ones, as many as `Reader.effective_roles` has read."""
    if not records:
        return {}
    roles_of = await reader.effective_roles([record.id for record in records])
    rules = await directory.policies.of(reader)
    extensions: dict[str, JsonObject] = {}
    for record in records[: len(roles_of)]:
        roles = roles_of[record.id]
        extensions[record.id] = {
            "state": record.state,
            "roles": [_role(role, tenant) for role in roles],
            "permissions": permissions_of((role.value for role in roles), tenant.permissions),
            "profile": shown_profile(record, rules),
        }
    return extensions


def _role(role: EffectiveRole, tenant: ServedTenant) -> JsonObject:
    shown: JsonObject = {"value": role.value}
    if display := tenant.role_displays.get(role.value):
        shown["display"] = display
    return shown | {"since": role.since, "reasons": [reason_json(reason) for reason in role.reasons]}
