"""What keeps a source from answering."""


class InspectionError(Exception):
    """The message is one line that says what to do, without anything secret."""
