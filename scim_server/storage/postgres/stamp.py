"""Whether anything of a tenant changed."""

from scim_server.storage.postgres.session import ReadSession
from scim_server.storage.records import Stamp
from scim_server.storage.search import read_stamp, stamp_sql

_STAMP = f"SELECT {stamp_sql('$1')}"


class StampReads(ReadSession):
    async def stamp(self) -> Stamp:
        return read_stamp(await self._connection.fetchval(_STAMP, self.tenant))
