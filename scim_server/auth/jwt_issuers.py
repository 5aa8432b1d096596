"""Access tokens that somebody else issued: an identity provider with its own keys."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from scim_server.auth.key_cache import KeyCache
from scim_server.auth.signed_jwt import UnverifiedJwt, has_value, is_valid_at, names_audience, read_jwt
from scim_server.auth.signer import Signer
from scim_server.config import JwtIssuer, Tenant

_TYPES = frozenset({"jwt", "at+jwt"})
"""RFC 7519 §5.1, RFC 9068 §2.1. Not logout tokens, security events or what else an issuer signs with its keys."""


@dataclass(frozen=True, slots=True)
class _Trusted:
    issuer: JwtIssuer
    signer: Signer


@dataclass(frozen=True, slots=True)
class IssuedToken:
    issuer: JwtIssuer
    user_name: str | None
    """Of the user that the token stands for; empty where the claim that says so has no text in it."""


class JwtIssuers:
    """The JWT issuers of all tenants.

    A token for a tenant that doesn't exist, or doesn't trust the token's issuer, is verified all the same, with the
    keys of that issuer where any tenant trusts it: neither answer nor time tells who trusts whom.
    """

    def __init__(self, tenants: Iterable[Tenant], cache: KeyCache) -> None:
        self._trusted: dict[tuple[str, str], list[_Trusted]] = {}
        self._anybodys: dict[str, Signer] = {}
        self._nobodys = Signer(None, cache)
        for tenant in tenants:
            # A token by which two may act is that of the one who may do more: each was declared to be let in.
            for issuer in sorted(tenant.jwt_issuers, key=lambda one: one.access.narrowness):
                signer = Signer(issuer, cache)
                self._trusted.setdefault((tenant.key, issuer.issuer), []).append(_Trusted(issuer, signer))
                self._anybodys.setdefault(issuer.issuer, signer)

    async def authenticate(self, tenant_key: str, token: bytes, now: datetime) -> IssuedToken | None:
        """None unless the token is good by the rules of an issuer that the tenant trusts."""
        jwt = read_jwt(token, _TYPES)
        if jwt is None:
            return None
        name = jwt.text("iss") or ""
        trusted = self._trusted.get((tenant_key, name), [])
        if not trusted:
            await self._anybodys.get(name, self._nobodys).signed(jwt)
        for candidate in trusted:
            if await candidate.signer.signed(jwt) and _follows(jwt, candidate.issuer, now):
                return IssuedToken(candidate.issuer, _user_name(jwt, candidate.issuer))
        return None


def _user_name(jwt: UnverifiedJwt, issuer: JwtIssuer) -> str | None:
    return None if issuer.user_name_claim is None else jwt.text(issuer.user_name_claim) or ""


def _follows(jwt: UnverifiedJwt, issuer: JwtIssuer, now: datetime) -> bool:
    claims = jwt.claims
    return (
        jwt.algorithm in issuer.algorithms
        and jwt.text("iss") == issuer.issuer
        and names_audience(claims, issuer.audiences)
        and is_valid_at(claims, now)
        and (issuer.subject is None or jwt.text("sub") == issuer.subject)
        and all(has_value(claims, claim, expected) for claim, expected in issuer.required_claims.items())
    )
