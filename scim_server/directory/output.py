"""Where answers go that are too large to be held whole."""

from typing import Protocol


class Output(Protocol):
    """Takes a JSON document in pieces, while the database is read. Taking one never waits for the client.

    What it raises ends the reading, and isn't for the use case to understand.
    """

    def begin(self, location: str, tag: str, *, tag_covers_all: bool) -> bool:
        """Before the first piece of a single resource: its address and entity tag.

        Returns False if the client's copy is current: no piece is wanted. `tag_covers_all`: whether the tag changes
        with everything that is shown.
        """
        ...

    def write(self, piece: bytes) -> None: ...
