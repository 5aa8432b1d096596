"""Looking at what servers hold: what the commands `log`, `explain`, `events` and so on ask, of a database or of a
server's management port."""

from scim_operator.inspect.errors import InspectionError, NothingFound
from scim_operator.inspect.opening import AtServer, InDatabase, Place, local_database, open_source
from scim_operator.inspect.source import Answer, Source
from scim_server.storage import InvalidDatabaseUrl
from scim_server.storage.delivery_query import DeliveryQuery, Replay
from scim_server.storage.event_query import EventQuery, types_of
from scim_server.storage.log_query import LogQuery, statuses_of
from scim_server.storage.records import DeliveryState

__all__ = [
    "Answer",
    "AtServer",
    "DeliveryQuery",
    "DeliveryState",
    "EventQuery",
    "InDatabase",
    "InspectionError",
    "InvalidDatabaseUrl",
    "LogQuery",
    "NothingFound",
    "Place",
    "Replay",
    "Source",
    "local_database",
    "open_source",
    "statuses_of",
    "types_of",
]
