"""What can go wrong between the operator and the API server.

ClusterError
├── ClusterUnavailable       no answer, 410, 429 or 5xx: try again
├── ClusterConflict          409: somebody else wrote first; read again
├── ClusterNotFound          404
├── ClusterForbidden         403: the operator's RBAC lacks something
│   └── ClusterUnauthorized  401: its credentials are not accepted
└── ClusterRefused           any other 4xx: the request itself is wrong
"""


class ClusterError(Exception):
    """A request to the API server that failed. The message names the request, never its body."""


class ClusterUnavailable(ClusterError):
    """No answer, or one that says to try again."""


class ClusterConflict(ClusterError):
    """The object is not what the request supposed: another resourceVersion, or another uid."""


class ClusterNotFound(ClusterError):
    """No such object, namespace or kind."""


class ClusterForbidden(ClusterError):
    """The operator's role doesn't allow this."""


class ClusterUnauthorized(ClusterForbidden):
    """The operator's credentials are missing, wrong or expired."""


class ClusterRefused(ClusterError):
    """The API server found the request invalid."""


def cluster_error(status: int, message: str) -> ClusterError:
    """The error for an HTTP status of at least 400."""
    kind: type[ClusterError]
    if status == 404:
        kind = ClusterNotFound
    elif status == 409:
        kind = ClusterConflict
    elif status == 401:
        kind = ClusterUnauthorized
    elif status == 403:
        kind = ClusterForbidden
    elif status in (410, 429) or status >= 500:  # 410: the continuation of a list expired
        kind = ClusterUnavailable
    else:
        kind = ClusterRefused
    return kind(message)
