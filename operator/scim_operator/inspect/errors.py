"""What keeps a source from answering."""


class InspectionError(Exception):
    """The message is one line that says what to do, without anything secret."""


class NothingFound(InspectionError):
    """The source has answered: what was asked for isn't there."""
