"""Groups that rules name and no provider has sent, in lines that name the group that was probably meant."""

from collections.abc import Iterable

from scim_operator.api.nearest import nearest
from scim_server.app import Server
from scim_server.config import GroupSelector, Tenant
from scim_server.storage.protocol import Reader
from scim_server.storage.records import Query

_MOST_NAMES = 2000
"""Among so many groups the one that was meant is looked for."""


async def unmatched_groups(server: Server, tenants: Iterable[Tenant]) -> list[str]:
    """One line for each, of the tenants that have groups. Raises `StorageUnavailable`."""
    lines = []
    for tenant in tenants:
        names = await server.storage.read(tenant.key, _names) if tenant.rules else []
        if not names:
            continue
        for mapping, found in sorted((await server.unmatched_groups.read(tenant)).items()):
            lines += [
                f"rolemapping {mapping}: rule {one.rule}: {_absence(one.selector, names)}" for one in found.groups
            ]
            if found.count > len(found.groups):
                lines.append(f"rolemapping {mapping}: {found.count - len(found.groups)} more groups are not here")
    return lines


async def _names(reader: Reader) -> list[str]:
    page = await reader.groups(Query(count=_MOST_NAMES, wants_total=False))
    return [str(record.document.get("displayName")) for record in page.records]


def _absence(selector: GroupSelector, names: Iterable[str]) -> str:
    if selector.external_id is not None:
        return f'no group with externalId "{selector.external_id}" is here'
    if selector.display_name_pattern is not None:
        return f'no group is here whose name matches "{selector.display_name_pattern}"'
    wanted = selector.display_name or ""
    meant = nearest(wanted, names)
    return f'no group named "{wanted}" is here' + (f'; "{meant}" is' if meant is not None else "")
