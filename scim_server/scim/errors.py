"""Errors of the protocol (RFC 7644 §3.12). The web layer turns each into its SCIM body; nothing else is raised.

    ScimError(status, detail, scim_type)
    ├── InvalidCount        400 invalidCount
    ├── InvalidCursor       400 invalidCursor
    ├── ExpiredCursor       400 expiredCursor
    ├── InvalidFilter       400 invalidFilter
    ├── InvalidPath         400 invalidPath
    ├── InvalidSyntax       400 invalidSyntax
    ├── InvalidValue        400 invalidValue
    ├── MutabilityViolation 400 mutability
    ├── NoTarget            400 noTarget
    ├── TooMany             400 tooMany
    ├── NotFound            404
    ├── UniquenessViolation 409 uniqueness
    └── PreconditionFailed  412

A status without a scimType (401, 405, 413, 429, 501, 503 …) is a plain `ScimError`.

The client reads `detail`, which may show what the client sent. The server's log has `reason` and `attribute` instead,
which hold nothing of it but names of attributes: what an error may say there is decided here and nowhere else.
"""

import re
from typing import Any, ClassVar, Self

ERROR_URN = "urn:ietf:params:scim:api:messages:2.0:Error"


_FILTER = re.compile(r"\[(?![0-9]+\])[^\[\]]*\]")
_NAME = r"[A-Za-z$][A-Za-z0-9_$-]*(?:\[(?:[0-9]+|…)\])?"
_PATH = re.compile(rf"(?:urn:[A-Za-z0-9._:-]+:)?{_NAME}(?:\.{_NAME})*|urn:[A-Za-z0-9._:-]+")
_LONGEST_PATH = 256


class ScimError(Exception):
    """A request that can't be answered. `detail` is for the client: it names what was wrong and expected.

    `attribute`: the attribute, parameter or part of the body that is wrong, as the client or the schema names it.
    `reason`: why, without anything that the client sent.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        scim_type: str | None = None,
        *,
        attribute: str | None = None,
        reason: str = "refused",
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.scim_type = scim_type
        self.attribute = None if attribute is None else _loggable(attribute)
        self.reason = reason

    def at(self, place: str) -> Self:
        """The same error, whose detail names the part of the request where it is."""
        self.detail = f"{place}: {self.detail}"
        self.attribute = self.attribute or _loggable(place)
        return self

    def body(self) -> dict[str, Any]:
        """The error as JSON; `status` is a string (RFC 7644 §3.12)."""
        body: dict[str, Any] = {"schemas": [ERROR_URN], "status": str(self.status), "detail": self.detail}
        if self.scim_type is not None:
            body["scimType"] = self.scim_type
        return body


def plain_error(status: int, text: str) -> ScimError:
    """One whose detail has nothing of the request in it, so that the log may say the same."""
    return ScimError(status, text, reason=text)


def _loggable(path: str) -> str | None:
    """The path of an attribute, without the values in its filters. None for what doesn't look like one."""
    if len(path) > _LONGEST_PATH:
        return None
    bare = _FILTER.sub("[…]", path)
    return bare if _PATH.fullmatch(bare) else None


class FixedError(ScimError):
    """An error whose status and scimType follow from its class, and its reason where nothing more can be said."""

    fixed_status: ClassVar[int] = 400
    fixed_type: ClassVar[str | None] = None
    fixed_reason: ClassVar[str] = "refused"

    def __init__(self, detail: str, *, attribute: str | None = None, reason: str | None = None) -> None:
        super().__init__(
            self.fixed_status, detail, self.fixed_type, attribute=attribute, reason=reason or self.fixed_reason
        )


class InvalidCount(FixedError):
    """The count of a request by cursor isn't one that a page can have (RFC 9865 §2.3)."""

    fixed_type = "invalidCount"
    fixed_reason = "no count that a page can have"


class InvalidCursor(FixedError):
    """The cursor isn't one of ours, or belongs to another request (RFC 9865 §2.3)."""

    fixed_type = "invalidCursor"
    fixed_reason = "the cursor is of another request, or none of ours"


class ExpiredCursor(FixedError):
    """The cursor is older than the announced `cursorTimeout` (RFC 9865 §2.3)."""

    fixed_type = "expiredCursor"
    fixed_reason = "the cursor is too old"


class InvalidFilter(FixedError):
    """The filter is malformed, or names an attribute or operator that can't be answered."""

    fixed_type = "invalidFilter"
    fixed_reason = "the filter can't be answered"


class InvalidPath(FixedError):
    """The path of a PATCH operation is malformed or names an unknown attribute."""

    fixed_type = "invalidPath"
    fixed_reason = "the path can't be answered"


class InvalidSyntax(FixedError):
    """The body isn't shaped as the protocol wants."""

    fixed_type = "invalidSyntax"
    fixed_reason = "the body isn't as the protocol wants it"


class InvalidValue(FixedError):
    """A value is missing or has the wrong type or size."""

    fixed_type = "invalidValue"
    fixed_reason = "a value is missing, or of the wrong type or size"


class MutabilityViolation(FixedError):
    """The change would alter an immutable attribute or take away a required one."""

    fixed_type = "mutability"
    fixed_reason = "the attribute can't be changed so"


class NoTarget(FixedError):
    """The path of a PATCH operation matches nothing that could be changed."""

    fixed_type = "noTarget"
    fixed_reason = "the path matches nothing"


class TooMany(FixedError):
    """The filter or order needs more work than the server does for one request."""

    fixed_type = "tooMany"
    fixed_reason = "the filter or order needs too much work"


class NotFound(FixedError):
    """No such resource in this tenant."""

    fixed_status = 404
    fixed_reason = "no such resource"


class UniquenessViolation(FixedError):
    """Another resource has the value already."""

    fixed_status = 409
    fixed_type = "uniqueness"
    fixed_reason = "the value is taken by a resource that exists"


class PreconditionFailed(FixedError):
    """The resource's version isn't the one that the client named (RFC 7644 §3.14)."""

    fixed_status = 412
    fixed_reason = "the resource has changed"


SCIM_TYPES = tuple(sorted({kind.fixed_type for kind in FixedError.__subclasses__() if kind.fixed_type is not None}))
"""Every scimType that an answer may have."""
