"""What the SCIM endpoint answers when it refuses, from the classes of its errors."""

from collections.abc import Mapping
from inspect import cleandoc

from documentation.constants import documented_constants
from documentation.markdown import GENERATED, code, table, text
from scim_server.auth import failures
from scim_server.scim.errors import FixedError

_INTRODUCTION = """\
# Errors

What a client of the SCIM endpoint sees when it is refused, and what to do. The body of every answer is a SCIM error
(RFC 7644 §3.12): `detail` names the attribute and what was expected. The [log](metrics.md#logs) of the server has a
line for each with `reason`, by the `X-Request-ID` of the answer.

```json
{"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "status": "409", "scimType": "uniqueness", "detail": "…"}
```
"""

STATUSES: Mapping[int, tuple[str, str]] = {
    400: ("The request is wrong; `scimType` says how, see below.", "`detail` names the attribute."),
    401: (
        "No valid credential of this tenant. It is the same whether the tenant, the token or its time is wrong.",
        "Compare the URL and the token; `reason` in the log says which it is, see below.",
    ),
    403: (
        "The credential may not do this: `access` is `Read` or `Self`. Or discovery was asked with a filter.",
        "Give the provider a credential with `access: Provision`.",
    ),
    404: (
        "There is no such resource in this tenant, or the path is none of the server's.",
        "The URL ends in `/scim/v2`; providers add `/Users` and `/Groups` themselves.",
    ),
    408: ("The body didn't arrive in time.", "Look at the network or the proxy in between."),
    409: (
        "Another user has the `userName`, or another group the `displayName`; case makes no difference.",
        "Let the provider match the one that is there, or delete it.",
    ),
    410: (
        "Of the feed: events after the token are kept no more, or the database was restored.",
        "Take a token with `after=now`, read all users and groups, follow from that token. See [Events](events.md).",
    ),
    412: ("The resource has changed since the version in `If-Match`.", "Read it again."),
    413: ("The body, or something in it, is larger than its limit.", "See [Limits](limits.md)."),
    415: ("The body has another `Content-Type` or `Content-Encoding` than those that are understood.", "Send JSON."),
    429: (
        "The client has used up its rate, or failed to authenticate too often.",
        "Wait as long as `Retry-After` says. See [Limits](limits.md).",
    ),
    431: ("The head of the request is too large.", "Send fewer or smaller headers, or a shorter query."),
    501: ("`/Me` with a credential that stands for no user, or POST there.", "See [Me](scim.md#me)."),
    503: (
        "The database is away or too slow, the configuration isn't there yet, or the server is at a limit.",
        "Send the request again after `Retry-After`; providers do so by themselves. `/readyz` and the log say why.",
    ),
}

_OTHERS = """\
405 says that the path doesn't know the method (`Allow` names those that it knows), and 500 that the server failed:
its log says where, under the request's id.
"""


def page() -> str:
    kinds = FixedError.__subclasses__()
    return "\n".join(
        [
            GENERATED,
            _INTRODUCTION,
            "## Statuses\n",
            table(["status", "what it means", "what to do"], [[str(key), *row] for key, row in STATUSES.items()]),
            _OTHERS,
            "## `scimType`\n",
            table(
                ["status", "`scimType`", "what it means", "`reason` in the log, where it says no more"],
                sorted(
                    [
                        str(kind.fixed_status),
                        code(kind.fixed_type) if kind.fixed_type else "",
                        text(cleandoc(kind.__doc__ or "")),
                        text(kind.fixed_reason),
                    ]
                    for kind in kinds
                ),
            ),
            "## Why a credential isn't valid\n",
            "The client isn't told. The metric `scim_authentication_failures_total` counts these by `reason`; the log"
            " has them in words.\n",
            table(
                ["reason", "what it means"],
                [[code(each.value), text(each.meaning)] for each in documented_constants(failures, "Failure")],
            ),
        ]
    )
