"""Versions of resources as weak entity tags, and the preconditions made of them (RFC 7644 §3.14, RFC 9110 §13).

Groups and roles of a user change without the version of its document. So a tag is the version of the document and,
where such parts are shown, a digest of them: `W/"7"`, `W/"7.1f0c5a…"`. `If-Match` asks for the version alone,
since no client can overwrite what is derived; `If-None-Match` asks for the whole tag.
"""

import hashlib
import re

from scim_server.scim.errors import PreconditionFailed

_DIGEST_BYTES = 8
_DERIVED = re.compile(rf"\.[0-9a-f]{{{2 * _DIGEST_BYTES}}}(?=\"?$)")
_TAG = re.compile(r'\s*+(?:(?:[Ww]/)?"([^"]*+)"|([^\s,"]++))\s*+(?:,|$)')
_VERSION = re.compile(r"0|[1-9][0-9]{0,18}")
_LONGEST = 1024
"""Characters of a list of tags that is read: a tag has some 30, and clients send the one that they have."""

ExpectedVersions = frozenset[int] | None
"""The versions of a resource that a change is meant for. None: any."""


def etag(version: int, derived: bytes = b"") -> str:
    """The entity tag of a version. Weak, since one version is rendered in several ways.

    `derived`: what is shown with it and changes without the version; empty for nothing.
    """
    if not derived:
        return f'W/"{version}"'
    return f'W/"{version}.{hashlib.blake2b(derived, digest_size=_DIGEST_BYTES).hexdigest()}"'


def tag_of_version(tag: str) -> str:
    """The tag without what it says of derived attributes: `W/"7"` for `W/"7.1f0c5a…"`."""
    return _DERIVED.sub("", tag)


def parse_etags(header: str) -> frozenset[str] | None:
    """The tags of an `If-Match` or `If-None-Match` header without `W/` and quotes; None for `*`, which is any.

    Tags without quotes are understood too. Whatever isn't a tag matches nothing, nor does a list of more than 1,024
    characters: so a write isn't done, and a read is answered whole.
    """
    if len(header) > _LONGEST:
        return frozenset()
    if header.strip() == "*":
        return None
    tags: set[str] = set()
    position = 0
    while position < len(header):
        found = _TAG.match(header, position)
        if found is not None:
            tags.add(found[1] if found[1] is not None else found[2])
        position = found.end() if found is not None else header.find(",", position) + 1 or len(header)
    return frozenset(tags)


def is_not_modified(if_none_match: str | None, tag: str) -> bool:
    """Whether a GET with this `If-None-Match` is answered 304 (weak comparison, RFC 9110 §8.8.3.2)."""
    if if_none_match is None:
        return False
    tags = parse_etags(if_none_match)
    return tags is None or tag.removeprefix("W/").strip('"') in tags


def parse_if_match(header: str | None) -> ExpectedVersions:
    """The versions that an `If-Match` header names. None for `*` and where there is no header."""
    tags = None if header is None else parse_etags(header)
    if tags is None:
        return None
    return frozenset(int(tag) for tag in map(tag_of_version, tags) if _VERSION.fullmatch(tag))


def require_version(expected: ExpectedVersions, version: int) -> None:
    """Raise PreconditionFailed for a version that isn't expected."""
    if expected is not None and version not in expected:
        raise PreconditionFailed(
            f"the resource has changed: its version is {etag(version)}, which If-Match doesn't name"
        )
