"""Access as OAuth 2.0 scopes (RFC 6749 §3.3)."""

from scim_server.config import Access

SCOPES = {Access.PROVISION: "scim.provision", Access.READ: "scim.read", Access.SELF: "scim.self"}
"""From the widest to the narrowest."""


def granted_access(requested: str | None, allowed: Access) -> Access:
    """What a token may do: what the client may, or less where it asks for less, such as `scim.read` alone.

    Other scopes are ignored: many clients can't be told to leave theirs out.
    """
    wanted = set((requested or "").split())
    widest = next((access for access, scope in SCOPES.items() if scope in wanted), allowed)
    return allowed.within(widest)
