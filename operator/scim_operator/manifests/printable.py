"""Text of unknown origin on its way to a terminal."""


def printable(text: str) -> str:
    """With control characters as escapes, so that no name in a manifest or a directory commands the terminal, and one
    line stays one line."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
