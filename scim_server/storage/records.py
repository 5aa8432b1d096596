"""What both databases do alike: index keys of a document, and its text."""

import hashlib
import re
from dataclasses import dataclass
from typing import Any

import orjson

from scim_server.folding import fold
from scim_server.storage.protocol import Document

_LONGEST_KEY = 256
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def is_id(text: str) -> bool:
    """Whether this may be an id of ours: a canonical lower-case UUID."""
    return _ID.fullmatch(text) is not None


def index_key(text: str) -> str:
    """Text as it stands in an index column: itself, or its beginning and its digest where it is long.

    PostgreSQL refuses index entries above a third of a page. The digest makes a key longer than any text that
    stands for itself, so two texts have one key only if they are equal.
    """
    if len(text) <= _LONGEST_KEY:
        return text
    return f"{text[:_LONGEST_KEY]}#{hashlib.sha256(text.encode()).hexdigest()}"


def folded_key(text: str) -> str:
    """The index key of an attribute that compares without case."""
    return index_key(fold(text))


@dataclass(frozen=True, slots=True)
class UserKeys:
    """Index columns of a user."""

    user_name: str
    display_name: str | None
    external_id: str | None
    emails: tuple[str, ...]
    """Each once, in order."""


def keys_of_user(document: Document) -> UserKeys:
    emails = {
        folded_key(email["value"]) for email in document.get("emails", ()) if isinstance(email.get("value"), str)
    }
    return UserKeys(
        folded_key(document["userName"]),
        _optional_key(document, "displayName", folded_key),
        _optional_key(document, "externalId", index_key),
        tuple(sorted(emails)),
    )


@dataclass(frozen=True, slots=True)
class GroupKeys:
    """Index columns of a group."""

    display_name: str
    external_id: str | None


def keys_of_group(document: Document) -> GroupKeys:
    return GroupKeys(folded_key(document["displayName"]), _optional_key(document, "externalId", index_key))


def _optional_key(document: Document, name: str, key: Any) -> str | None:
    value = document.get(name)
    return key(value) if isinstance(value, str) else None


def to_json(document: Any) -> str:
    return orjson.dumps(document).decode()


def from_json(text: str | bytes) -> Any:
    return orjson.loads(text)


def folded(value: Any) -> Any:
    """A document whose every string is folded: what filters on attributes that aren't `caseExact` read."""
    if isinstance(value, str):
        return fold(value)
    if isinstance(value, list):
        return [folded(item) for item in value]
    if isinstance(value, dict):
        return {name: folded(item) for name, item in value.items()}
    return value
