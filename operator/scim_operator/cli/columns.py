"""Rows of text under each other, for people."""

from collections.abc import Sequence


class Columns:
    """Columns get wider where later rows need it, and never narrower, so that rows can be printed as they come."""

    def __init__(self) -> None:
        self._widths: list[int] = []

    def __bool__(self) -> bool:
        """Whether there were rows."""
        return bool(self._widths)

    def lines(self, rows: Sequence[Sequence[str]]) -> list[str]:
        """All rows have equally many cells."""
        if not rows:
            return []
        before = self._widths or [0] * len(rows[0])
        self._widths = [max(width, *(len(row[n]) for row in rows)) for n, width in enumerate(before)]
        return [
            "  ".join(cell.ljust(width) for cell, width in zip(row, self._widths, strict=True)).rstrip()
            for row in rows
        ]
