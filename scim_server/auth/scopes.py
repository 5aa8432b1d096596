"""Access as OAuth 2.0 scopes (RFC 6749 §3.3)."""

from scim_server.config import Access

SCOPES = {Access.PROVISION: "scim.provision", Access.READ: "scim.read"}


def granted_access(requested: str | None, allowed: Access) -> Access:
    """What a token may do: what the client may, or only to read where it asks for `scim.read` alone.

    Other scopes are ignored: many clients can't be told to leave theirs out.
    """
    wanted = set((requested or "").split())
    if SCOPES[Access.READ] in wanted and SCOPES[Access.PROVISION] not in wanted:
        return Access.READ
    return allowed
