"""Expressions of mappings, checked as the server will read them."""

from scim_server.config import UserAttributes
from scim_server.provisioning.expressions import InvalidExpression, compile_expression


def expression_error(text: str, attributes: UserAttributes | None = None) -> str | None:
    """What is wrong with it; None: the server can use it. With `attributes`, a name that is none of them is wrong."""
    try:
        compile_expression(text, attributes)
    except InvalidExpression as error:
        return str(error)
    return None
