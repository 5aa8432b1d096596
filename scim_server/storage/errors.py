"""What a storage raises."""

from collections.abc import Sequence


class StorageError(Exception):
    """Base of what storage raises."""


class StorageUnavailable(StorageError):
    """The database can't be reached or doesn't answer in time. Nothing was applied, or it isn't known.

    The message is fit for a log: it says what the database said of itself, never values or passwords.
    """


class StorageUnusable(StorageError):
    """The database can't be used as it is or as it is set up: to try again won't help.

    The message is one line, without passwords.
    """


class CredentialsRefused(StorageUnusable):
    """The database doesn't take the user or the password."""


class SchemaTooNew(StorageUnusable):
    """The database was migrated by a newer version of the server. The message names both versions."""


class UserNameTaken(StorageError):
    """Another user of the tenant has this userName (compared without case)."""

    def __init__(self, existing_id: str) -> None:
        super().__init__("userName is taken")
        self.existing_id = existing_id


class DisplayNameTaken(StorageError):
    """Another group of the tenant has this displayName (compared without case)."""

    def __init__(self, existing_id: str) -> None:
        super().__init__("displayName is taken")
        self.existing_id = existing_id


class UnknownMembers(StorageError):
    """Members that are neither users nor groups of the tenant. At most 10 ids are kept."""

    def __init__(self, ids: Sequence[str]) -> None:
        super().__init__("members don't exist")
        self.ids = tuple(ids[:10])


class NeedsExclusive(StorageError):
    """The work changes grants or nesting: `Storage.write` runs it again, holding the tenant exclusively."""


class TryAgain(StorageError):
    """Another transaction changed, in between, what this one had looked at: `Storage.write` starts it again."""
