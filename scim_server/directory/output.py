"""Where answers go that are too large to be held whole."""

from typing import Protocol


class Output(Protocol):
    """Takes a JSON document in pieces, while the database is read. Taking one never waits.

    What it raises ends the reading, and isn't for the use case to understand.
    """

    def begin(self, location: str, tag: str, *, tag_covers_all: bool) -> bool:
        """Before the first piece of a single resource: its address and entity tag. Until there is one, again at will.

        False: who asked has what the tag stands for, and no piece is wanted. `tag_covers_all`: whether the tag
        changes with everything that is shown.
        """
        ...

    def write(self, piece: bytes) -> None: ...


_LARGE_BYTES = 4 << 20
"""About 30,000 members; a usual page of 1,000 users has less."""


class TooLarge(Exception):
    """An answer that was taken for a small one isn't."""


class SmallOutput:
    """Keeps a small answer until its reading is over, so that a large one can still begin anew. An `Output`."""

    def __init__(self, out: Output) -> None:
        self._out = out
        self._pieces: list[bytes] = []
        self._size = 0

    def begin(self, location: str, tag: str, *, tag_covers_all: bool) -> bool:
        return self._out.begin(location, tag, tag_covers_all=tag_covers_all)

    def write(self, piece: bytes) -> None:
        """Raises TooLarge."""
        self._pieces.append(piece)
        self._size += len(piece)
        if self._size > _LARGE_BYTES:
            raise TooLarge

    def pass_on(self) -> None:
        for piece in self._pieces:
            self._out.write(piece)
