"""Verifies signatures by the public keys that stand in the configuration or behind a URL."""

from enum import StrEnum

from scim_server.auth import signed_jwt
from scim_server.auth.key_cache import KeyCache
from scim_server.auth.signed_jwt import UnverifiedJwt
from scim_server.auth.verification_keys import MOST_TRIED, VerificationKeys, decoy_keys
from scim_server.config import KeySource


class Signature(StrEnum):
    """What a signature is, in words for the log."""

    GOOD = "the signature is good"
    WRONG = "the signature is wrong"
    NO_KEY = "there is no key for its kid and alg"
    KEYS_UNAVAILABLE = "the keys of its issuer can't be had now"


class Verifier:
    """Of one source of keys. Without a source no signature is good."""

    def __init__(self, source: KeySource | None, cache: KeyCache) -> None:
        self._url = source.jwks_url if source is not None else None
        self._keys = VerificationKeys(source.jwks if source is not None else ())
        self._cache = cache

    async def check(self, jwt: UnverifiedJwt) -> Signature:
        """What the signature is by the keys of the source.

        A bad token costs the same however many keys there are for its kid and algorithm: decoy keys stand in for
        missing ones. So time doesn't tell whose keys are known here.
        """
        keys = self._keys
        if self._url is not None:
            keys = await self._cache.keys(self._url, jwt.algorithm, jwt.kid)
        found = keys.find(jwt.algorithm, jwt.kid)
        # A token that names no key is tried with each, which costs as much as the most that there can be.
        missing = (MOST_TRIED if jwt.kid is None else 1) - len(found)
        if any(signed_jwt.verifies(key, jwt) for key in found):
            return Signature.GOOD
        decoy = decoy_keys().find(jwt.algorithm, None)[0]
        for _ in range(missing):
            signed_jwt.verifies(decoy, jwt)
        if self._url is not None and not keys:
            return Signature.KEYS_UNAVAILABLE
        return Signature.WRONG if found else Signature.NO_KEY
