"""Authenticators of configurations that tests write."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from scim_server.auth.authenticator import Authenticated, Authenticator
from scim_server.auth.failures import Refused
from scim_server.auth.key_cache import KeyCache
from scim_server.auth.key_fetch import KeyFetcher
from scim_server.config import ConfigBundle, ServerConfig, ServerSecrets, Tenant

TOKEN_KEY = bytes(range(32))


def tenant(key: str, **fields: Any) -> Tenant:
    namespace, _, name = key.partition("/")
    return Tenant(namespace=namespace, name=name, **fields)


def bundle(*tenants: Tenant, digests: Mapping[str, str] | None = None, revision: int = 1) -> ConfigBundle:
    secrets = ServerSecrets(revision=revision, token_key=TOKEN_KEY.hex(), digests=dict(digests or {}))
    return ConfigBundle.of(ServerConfig(revision=revision, tenants=tenants), secrets)


class UsedAssertions:
    """What a storage remembers of assertions."""

    def __init__(self) -> None:
        self._used: set[tuple[str, bytes]] = set()

    async def use_assertion(self, tenant: str, assertion: bytes, expires: datetime) -> bool:
        assert expires > datetime.now(UTC)
        new = (tenant, assertion) not in self._used
        self._used.add((tenant, assertion))
        return new


def authenticator(*tenants: Tenant, digests: Mapping[str, str] | None = None) -> Authenticator:
    return Authenticator(bundle(*tenants, digests=digests), KeyCache(KeyFetcher().fetch), UsedAssertions())


async def ask(
    who: Authenticator, key: str, authorization: str | bytes | None, now: datetime | None = None
) -> Authenticated | None:
    found = await _authenticate(who, key, authorization, now)
    return None if isinstance(found, Refused) else found


async def why_not(who: Authenticator, key: str, authorization: str) -> tuple[str, str]:
    """The tenant and the reason that the log has of a request that must not be let in."""
    found = await _authenticate(who, key, authorization, None)
    assert isinstance(found, Refused)
    return found.tenant_key, found.reason


async def _authenticate(
    who: Authenticator, key: str, authorization: str | bytes | None, now: datetime | None
) -> Authenticated | Refused:
    namespace, _, name = key.partition("/")
    value = authorization.encode() if isinstance(authorization, str) else authorization
    return await who.authenticate(namespace, name, value, now or datetime.now(UTC))
