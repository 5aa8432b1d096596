"""What is said of requests to the API server that fail, in the same words whoever sent them."""

import re
from urllib.parse import urlsplit

from scim_operator.connection_errors import connection_error

_RBAC = re.compile(
    r'cannot (?P<verb>\w+) resource "(?P<resource>[^"]+)" in API group "[^"]*"'
    r'(?: in the namespace "(?P<namespace>[^"]+)")?'
)
"""In the API server's message; other reasons for a 403 are its own, such as a namespace that is being deleted."""


def unanswered(url: str, error: BaseException) -> str:
    """`url`: of the API server, with a path or without."""
    return f"the Kubernetes API doesn't answer at {_server(url)}: {connection_error(error)}"


def answered_with_error(url: str, status: int) -> str:
    return f"the Kubernetes API at {_server(url)} answers {status}"


def not_permitted(message: str) -> str | None:
    """What the API server's `message` says of missing permissions; None where it is about something else."""
    found = _RBAC.search(message)
    if found is None:
        return None
    where = f" in namespace {found['namespace']}" if found["namespace"] else ""
    return f"the operator may not {found['verb']} {found['resource']}{where}: apply charts/scim-operator/rbac"


def _server(url: str) -> str:
    """Without user and password, which may be in a kubeconfig's URL."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
