"""Somebody who signs: whoever has the private halves of keys that stand in the configuration or behind a URL."""

from scim_server.auth.key_cache import KeyCache
from scim_server.auth.signed_jwt import UnverifiedJwt, is_signed_by
from scim_server.auth.verification_keys import VerificationKeys, decoy_keys
from scim_server.config import KeySource


class Signer:
    """Verifies by the keys of one source. Without a source nothing is verified, in the same time."""

    def __init__(self, source: KeySource | None, cache: KeyCache) -> None:
        self._url = source.jwks_url if source is not None else None
        self._keys = VerificationKeys(source.jwks) if source is not None else decoy_keys()
        self._cache = cache

    async def signed(self, jwt: UnverifiedJwt) -> bool:
        return await self.refusal(jwt) is None

    async def refusal(self, jwt: UnverifiedJwt) -> str | None:
        """Why the signature isn't this signer's; None: it is."""
        keys = self._keys
        if self._url is not None:
            keys = await self._cache.keys(self._url, jwt.algorithm, jwt.kid)
        if is_signed_by(jwt, keys):
            return None
        if keys.find(jwt.algorithm, jwt.kid):
            return "the signature is wrong"
        return "there is no key for its kid and alg"
