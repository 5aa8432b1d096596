"""Versions of resources as weak entity tags, and the preconditions made of them (RFC 7644 §3.14, RFC 9110 §13)."""

import re

from scim_server.scim.errors import PreconditionFailed
from scim_server.scim.values import shown

_TAG = re.compile(r'\s*(?:(?:[Ww]/)?"([^"]*)"|([^\s,"]+))\s*(?:,|$)')


def etag(version: int) -> str:
    """The entity tag of a version: `W/"7"`. Weak, since one version is rendered in several ways."""
    return f'W/"{version}"'


def parse_etags(header: str) -> frozenset[str] | None:
    """The tags of an `If-Match` or `If-None-Match` header without `W/` and quotes; None for `*`, which is any.

    Tags without quotes are understood too. Whatever isn't a tag matches nothing.
    """
    if header.strip() == "*":
        return None
    return frozenset(found[1] if found[1] is not None else found[2] for found in _TAG.finditer(header))


def names_version(header: str, version: int) -> bool:
    """Whether the header names this version (weak comparison, RFC 7644 §3.14) or is `*`."""
    tags = parse_etags(header)
    return tags is None or str(version) in tags


def require_match(if_match: str | None, version: int) -> None:
    """Raise PreconditionFailed when there is an `If-Match` and it doesn't name the version."""
    if if_match is not None and not names_version(if_match, version):
        raise PreconditionFailed(f"the resource has changed: its version is {etag(version)}, not {shown(if_match)}")


def is_not_modified(if_none_match: str | None, version: int) -> bool:
    """Whether a GET with this `If-None-Match` is answered 304."""
    return if_none_match is not None and names_version(if_none_match, version)
