"""Where a source is, and opening it."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from scim_operator.delivery.authorities import Authorities
from scim_operator.delivery.management import ManagementToken
from scim_operator.inspect.at_server import server_source
from scim_operator.inspect.in_database import database_source
from scim_operator.inspect.source import Source
from scim_operator.local.data import database_file


@dataclass(frozen=True, slots=True)
class InDatabase:
    url: str


@dataclass(frozen=True, slots=True)
class AtServer:
    """`url` as `management_url` gives it."""

    url: str
    token: ManagementToken
    authorities: Authorities | None = None
    tls_name: str | None = None


Place: TypeAlias = InDatabase | AtServer


def local_database(directory: Path) -> InDatabase | None:
    """Of local mode with this data directory; None where there is none."""
    file = database_file(directory)
    return InDatabase(f"sqlite:///{file.absolute()}") if file.is_file() else None


def open_source(place: Place) -> AbstractAsyncContextManager[Source]:
    """Opening raises `InspectionError`, and `InvalidDatabaseUrl`."""
    match place:
        case InDatabase(url):
            return database_source(url)
        case AtServer(url, token, authorities, tls_name):
            return server_source(url, token, authorities, tls_name)
