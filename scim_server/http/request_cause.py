"""What a request that may change something is known by afterwards: in events and in the sync log."""

import re
import time

from starlette.types import Scope

from scim_server.http.exchange import Exchange
from scim_server.provisioning.cause import RequestCause

_RESOURCE = re.compile(r"/(User|Group)s(?:/([^/]+))?/?")
_STATUS = {"POST": 201, "PUT": 200, "PATCH": 200, "DELETE": 204}
_MOST_OF_USER_AGENT = 256


def request_cause(exchange: Exchange, scope: Scope) -> RequestCause | None:
    """None of a request that reads. Of a bulk request each operation makes its own from this one."""
    status = _STATUS.get(exchange.method)
    if status is None or exchange.path is None:
        return None
    resource = _RESOURCE.fullmatch(exchange.path)
    if resource is None and exchange.path.rstrip("/") != "/Bulk":
        return None
    type_, id_ = (resource[1], resource[2]) if resource is not None else ("Bulk", None)
    if exchange.method == "PATCH" and type_ == "Group":
        status = 204
    return RequestCause(
        exchange.request_id,
        exchange.credential,
        user_agent_in(scope),
        exchange.method,
        type_,
        id_,
        status,
        time.perf_counter(),
    )


def user_agent_in(scope: Scope) -> str:
    user_agent: bytes = next((value for name, value in scope["headers"] if name == b"user-agent"), b"")
    return user_agent.decode("latin-1")[:_MOST_OF_USER_AGENT]
