"""Whether anything of a tenant changed."""

import sqlite3

from scim_server.storage.records import Stamp
from scim_server.storage.search import read_stamp, stamp_sql
from scim_server.storage.sqlite.session import ReadSession

_STAMP = f"SELECT {stamp_sql('?1')}"


class StampReads(ReadSession):
    async def stamp(self) -> Stamp:
        return await self._connection.run(_stamp, self.tenant)


def _stamp(connection: sqlite3.Connection, tenant: str) -> Stamp:
    (text,) = connection.execute(_STAMP, (tenant,)).fetchone()
    return read_stamp(text)
