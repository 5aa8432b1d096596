"""What index columns hold of a document: the same in both databases."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from scim_server.folding import fold
from scim_server.storage.records import Document

LONGEST_KEY = 256
"""Characters. Texts are sorted by so many of theirs, too."""


def index_key(text: str) -> str:
    """Text as it stands in an index column: itself, or its beginning and its digest where it is long.

    PostgreSQL refuses index entries above a third of a page. The digest makes a key longer than any text that
    stands for itself, so two texts have one key only if they are equal.
    """
    if len(text) <= LONGEST_KEY:
        return text
    return f"{text[:LONGEST_KEY]}#{hashlib.sha256(text.encode()).hexdigest()}"


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


def _optional_key(document: Document, name: str, key: Callable[[str], str]) -> str | None:
    value = document.get(name)
    return key(value) if isinstance(value, str) else None
