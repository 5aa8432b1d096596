"""Whether anything of a tenant changed."""

import sqlite3
from collections.abc import Hashable

from scim_server.storage.sqlite.session import ReadSession

_STAMP = """
    SELECT (SELECT sum(added) FROM totals WHERE tenant = ?1),
           (SELECT sum(removed) FROM totals WHERE tenant = ?1),
           (SELECT max(modified) FROM users WHERE tenant = ?1),
           (SELECT max(modified) FROM groups WHERE tenant = ?1),
           (SELECT revision FROM tenants WHERE tenant = ?1)
"""


class StampReads(ReadSession):
    async def stamp(self) -> Hashable:
        return await self._connection.run(_stamp, self.tenant)


def _stamp(connection: sqlite3.Connection, tenant: str) -> Hashable:
    return tuple(connection.execute(_STAMP, (tenant,)).fetchone())
