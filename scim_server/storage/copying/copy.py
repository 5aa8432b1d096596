"""The copy itself: all tables in one transaction, which is committed only when they hold what they should."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import asyncpg

from scim_server.storage.copying.digest import Digest
from scim_server.storage.copying.source import Source, opened
from scim_server.storage.copying.tables import Table, table
from scim_server.storage.copying.target import Target
from scim_server.storage.credential_files import NO_FILES, CredentialFiles
from scim_server.storage.postgres.connecting import Connector
from scim_server.storage.postgres.credentials import Credentials
from scim_server.storage.postgres.failures import translated_at_start
from scim_server.storage.postgres.migrate import migrate, transaction
from scim_server.storage.postgres.tls_files import check_tls_files

_CONNECT_SECONDS = 10.0
_TELL_SECONDS = 2.0

Tell = Callable[[str], None]


class CopyFailed(Exception):
    """Nothing was copied. The message is one line without values."""


async def copy_to_postgres(path: Path, url: str, tell: Tell, files: CredentialFiles = NO_FILES) -> None:
    """Copy a SQLite file to an empty PostgreSQL database. `tell` is called with lines of progress.

    All or nothing: it may be run again. Raises `StorageUnusable` for what is to be set right first,
    `StorageUnavailable`, and `CopyFailed`.
    """
    with opened(path) as source:
        check_tls_files(url)
        connector = Connector(Credentials(url, files))
        with translated_at_start():
            async with AsyncExitStack() as closing:
                connections = []
                for _ in range(2):
                    target = await connector.connect(_CONNECT_SECONDS, migrating=True)
                    closing.push_async_callback(target.close, timeout=_CONNECT_SECONDS)
                    connections.append(target)
                await migrate(*connections)
                connection = connections[0]
                async with transaction(connection):
                    tables = await _copy(source, Target(connection), tell)
                await connection.execute(f"ANALYZE {', '.join(tables)}")


async def _copy(source: Source, target: Target, tell: Tell) -> Sequence[str]:
    """Returns the names of the tables."""
    types = await target.columns()
    tables = [table(name, source.columns(name), types[name]) for name in source.tables()]
    await target.take_empty([each.name for each in tables])
    copied: dict[str, Digest] = {}
    for each in tables:
        copied[each.name] = digest = Digest()
        total = source.count(each.name)
        try:
            await target.insert(each, _read(source, each, digest, total, tell))
        except (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError) as error:
            raise CopyFailed(f"{each.name}: PostgreSQL refuses a row: {type(error).__name__}") from error
    for each in tables:
        found = Digest()
        async for row in target.rows(each):
            found.add(row)
        if found != copied[each.name]:
            raise CopyFailed(f"{each.name}: PostgreSQL holds other rows than SQLite")
        tell(f"{each.name}: {found.rows:,} rows, digest {found}")
    await target.finish()
    return [each.name for each in tables]


def _read(source: Source, table: Table, digest: Digest, total: int, tell: Tell) -> Iterator[Sequence[Any]]:
    told = time.monotonic()
    for row in source.rows(table.name, table.columns):
        values = table.converted(row)
        digest.add(values)
        yield table.with_computed(values)
        if time.monotonic() >= told + _TELL_SECONDS:
            told = time.monotonic()
            tell(f"{table.name}: {digest.rows:,} of {total:,} rows")
