"""A connection of a port whose client is in the test: for bytes that no socket would deliver as they are cut."""

import asyncio
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from scim_server.http.connections import ConnectionLimits, limited_protocol


class Client(asyncio.Transport):
    """The other end, without a socket between: it alone says what is a segment."""

    def __init__(self) -> None:
        super().__init__()
        self.received = b""
        self.closed = False
        self.is_read = True

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default

    def get_write_buffer_size(self) -> int:
        return 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.received += data

    def writelines(self, list_of_data: Any) -> None:
        self.write(b"".join(list_of_data))

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        self.is_read = False

    def resume_reading(self) -> None:
        self.is_read = True


def connected_in_memory(app: ASGIApp) -> tuple[HttpToolsProtocol, Client]:
    """The server's end, which is fed by `data_received`, and the client's."""
    protocol = limited_protocol(ConnectionLimits(), lambda reason: None)
    config = uvicorn.Config(app, http=protocol, ws="none", lifespan="off", log_config=None, access_log=False)
    config.load()
    connection, client = protocol(config, ServerState(), {}), Client()
    connection.connection_made(client)
    return connection, client
