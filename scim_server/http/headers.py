"""Headers of a request, as uvicorn gives them: names in lower case."""

from starlette.types import Scope


def single_header(scope: Scope, wanted: bytes) -> bytes | None:
    """The header's value; None where it is missing or repeated."""
    values = [value for name, value in scope["headers"] if name == wanted]
    return values[0] if len(values) == 1 else None
