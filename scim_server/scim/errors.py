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
"""

from typing import Any, ClassVar, Self

ERROR_URN = "urn:ietf:params:scim:api:messages:2.0:Error"


class ScimError(Exception):
    """A request that can't be answered. `detail` is for the client: it names what was wrong and expected."""

    def __init__(self, status: int, detail: str, scim_type: str | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.scim_type = scim_type

    def at(self, place: str) -> Self:
        """The same error, whose detail names the part of the request where it is."""
        self.detail = f"{place}: {self.detail}"
        return self

    def body(self) -> dict[str, Any]:
        """The error as JSON; `status` is a string (RFC 7644 §3.12)."""
        document: dict[str, Any] = {"schemas": [ERROR_URN], "status": str(self.status), "detail": self.detail}
        if self.scim_type is not None:
            document["scimType"] = self.scim_type
        return document


class _FixedError(ScimError):
    """An error whose status and scimType follow from its class."""

    fixed_status: ClassVar[int] = 400
    fixed_type: ClassVar[str | None] = None

    def __init__(self, detail: str) -> None:
        super().__init__(self.fixed_status, detail, self.fixed_type)


class InvalidCount(_FixedError):
    """The count of a request by cursor isn't one that a page can have (RFC 9865 §2.3)."""

    fixed_type = "invalidCount"


class InvalidCursor(_FixedError):
    """The cursor isn't one of ours, or belongs to another request (RFC 9865 §2.3)."""

    fixed_type = "invalidCursor"


class ExpiredCursor(_FixedError):
    """The cursor is older than the announced `cursorTimeout` (RFC 9865 §2.3)."""

    fixed_type = "expiredCursor"


class InvalidFilter(_FixedError):
    """The filter is malformed, or names an attribute or operator that can't be answered."""

    fixed_type = "invalidFilter"


class InvalidPath(_FixedError):
    """The path of a PATCH operation is malformed or names an unknown attribute."""

    fixed_type = "invalidPath"


class InvalidSyntax(_FixedError):
    """The body isn't shaped as the protocol wants."""

    fixed_type = "invalidSyntax"


class InvalidValue(_FixedError):
    """A value is missing or has the wrong type or size."""

    fixed_type = "invalidValue"


class MutabilityViolation(_FixedError):
    """The change would alter an immutable attribute or take away a required one."""

    fixed_type = "mutability"


class NoTarget(_FixedError):
    """The path of a PATCH operation matches nothing that could be changed."""

    fixed_type = "noTarget"


class TooMany(_FixedError):
    """The filter or order needs more work than the server does for one request."""

    fixed_type = "tooMany"


class NotFound(_FixedError):
    """No such resource in this tenant."""

    fixed_status = 404


class UniquenessViolation(_FixedError):
    """Another resource has the value already."""

    fixed_status = 409
    fixed_type = "uniqueness"


class PreconditionFailed(_FixedError):
    """The resource's version isn't the one that the client named (RFC 7644 §3.14)."""

    fixed_status = 412


SCIM_TYPES = tuple(sorted({kind.fixed_type for kind in _FixedError.__subclasses__() if kind.fixed_type is not None}))
"""Every scimType that an answer may have."""
