"""The user that a credential stands for (RFC 7644 §3.11)."""

from scim_server.directory.caller import Caller
from scim_server.directory.directory import Directory
from scim_server.folding import identity_of
from scim_server.scim.errors import NotFound, plain_error
from scim_server.scim.filter import Comparison
from scim_server.scim.path import resolve
from scim_server.scim.values import is_storable
from scim_server.storage.protocol import Reader
from scim_server.storage.records import Query


async def own_user_id(directory: Directory, caller: Caller) -> str:
    """Raises ScimError 501 for a credential that stands for no user, NotFound where there is no such user."""
    user_name = caller.user_name
    if user_name is None:
        raise plain_error(501, "/Me is for credentials that stand for a user, and this one stands for none")
    if not user_name:
        raise NotFound(
            "the token names no user: the claim that should isn't there, or isn't text",
            reason="the token names no user",
        )
    if not is_storable(user_name):
        raise _not_found()
    named = Comparison(resolve("userName", caller.tenant.users), "eq", user_name)

    async def work(reader: Reader) -> str:
        found = await reader.users(Query(filter=named, count=1, wants_total=False))
        for record in found.records:
            if identity_of(record.document["userName"]) == identity_of(user_name):
                return record.id
        raise _not_found()

    return await directory.read(caller, work)


def _not_found() -> NotFound:
    return NotFound(
        "there is no user with the userName that this credential stands for",
        reason="the user of this credential isn't there",
    )
