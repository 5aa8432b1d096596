"""Whether anything of a tenant changed."""

from collections.abc import Hashable

from scim_server.storage.postgres.session import ReadSession

_STAMP = """
    SELECT (SELECT sum(added) FROM totals WHERE tenant = $1),
           (SELECT sum(removed) FROM totals WHERE tenant = $1),
           (SELECT max(modified) FROM users WHERE tenant = $1),
           (SELECT max(modified) FROM groups WHERE tenant = $1),
           (SELECT revision FROM tenants WHERE tenant = $1)
"""


class StampReads(ReadSession):
    async def stamp(self) -> Hashable:
        return tuple(await self._connection.fetchrow(_STAMP, self.tenant))
