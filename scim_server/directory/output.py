"""What large answers are written to, piece by piece."""

from typing import Protocol


class Output(Protocol):
    """Takes a JSON document in pieces, while the database is read. Taking one never waits for the client.

    The use case lets pass what it raises: that ends the reading.
    """

    def begin(self, location: str, tag: str, *, tag_covers_all: bool) -> bool:
        """Before the first piece of a single resource: its address and entity tag.

        Returns False if the client's copy is current: no piece is wanted. `tag_covers_all`: whether the tag changes
        with everything that is shown.
        """
        ...

    def write(self, piece: bytes) -> None: ...
