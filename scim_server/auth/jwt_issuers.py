"""Access tokens that an identity provider has issued and signed."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from scim_server.auth.key_cache import KeyCache
from scim_server.auth.signed_jwt import UnverifiedJwt, has_value, names_audience, read_jwt, wrong_time
from scim_server.auth.verifier import Signature, Verifier
from scim_server.config import JwtIssuer, PublicJwk, Tenant

_TYPES = frozenset({"jwt", "at+jwt"})
"""RFC 7519 §5.1, RFC 9068 §2.1. Not logout tokens, security events or what else an issuer signs with its keys."""


@dataclass(frozen=True, slots=True)
class _Trusted:
    issuer: JwtIssuer
    verifier: Verifier


@dataclass(frozen=True, slots=True)
class IssuedToken:
    issuer: JwtIssuer
    user_name: str | None
    """Of the user that the token stands for; empty where the claim that says so has no text in it."""


@dataclass(frozen=True, slots=True)
class RefusedJwt:
    """A token that is refused. `reason` is for the log: it has names of credentials and claims, never a value."""

    reason: str
    keys_unavailable: bool = False
    """All that can be said without keys is right, and the keys can't be had."""
    credential: str = ""
    """Name of an issuer that has signed the token."""


class JwtIssuers:
    """The JWT issuers of all tenants.

    A token for a tenant that doesn't exist, or doesn't trust the token's issuer, is verified all the same, with the
    keys of that issuer where any tenant trusts it, and as often as a token of the issuer with the most sources of
    keys: neither answer nor time tells who trusts whom.
    """

    def __init__(self, tenants: Iterable[Tenant], cache: KeyCache) -> None:
        self._trusted: dict[tuple[str, str], list[_Trusted]] = {}
        self._of_any_tenant: dict[str, Verifier] = {}
        """By issuer."""
        self._without_keys = Verifier(None, cache)
        verifiers: dict[tuple[str | None, tuple[PublicJwk, ...]], Verifier] = {}
        for tenant in tenants:
            # Of two entries that accept a token, the one with the wider access counts: each lets the token in.
            for issuer in sorted(tenant.jwt_issuers, key=lambda one: one.access.narrowness):
                # One for each source of keys: entries that share a source verify a signature once.
                verifier = verifiers.setdefault((issuer.jwks_url, issuer.jwks), Verifier(issuer, cache))
                self._trusted.setdefault((tenant.key, issuer.issuer), []).append(_Trusted(issuer, verifier))
                self._of_any_tenant.setdefault(issuer.issuer, verifier)
        self._most_verifiers = max(
            (len({one.verifier for one in each}) for each in self._trusted.values()), default=1
        )

    async def authenticate(self, tenant_key: str, token: bytes, now: datetime) -> IssuedToken | RefusedJwt:
        """Whether the token is good by the rules of an issuer that the tenant trusts."""
        jwt = read_jwt(token, _TYPES)
        if jwt is None:
            return RefusedJwt("its form, alg, typ or kid isn't one that is taken, or it has crit or b64")
        name = jwt.text("iss") or ""
        trusted = self._trusted.get((tenant_key, name), [])
        verifiers = dict.fromkeys(one.verifier for one in trusted) or {
            self._of_any_tenant.get(name, self._without_keys): None
        }
        signatures = {verifier: await verifier.check(jwt) for verifier in verifiers}
        refusals: dict[str, str] = {}
        signed_by = ""
        for candidate in trusted:
            refusal = _refusal(jwt, candidate.issuer, signatures[candidate.verifier], now)
            if refusal is None:
                return IssuedToken(candidate.issuer, _user_name(jwt, candidate.issuer))
            refusals[candidate.issuer.name] = refusal
            if signatures[candidate.verifier] is Signature.GOOD:
                signed_by = signed_by or candidate.issuer.name
        for _ in range(self._most_verifiers - len(verifiers)):
            await self._without_keys.check(jwt)
        if not trusted:
            return RefusedJwt("iss isn't that of any issuer of the tenant")
        reason = "; ".join(f"{name}: {refusal}" for name, refusal in refusals.items())
        return RefusedJwt(reason, Signature.KEYS_UNAVAILABLE in refusals.values(), signed_by)


def _user_name(jwt: UnverifiedJwt, issuer: JwtIssuer) -> str | None:
    return None if issuer.user_name_claim is None else jwt.text(issuer.user_name_claim) or ""


def _refusal(jwt: UnverifiedJwt, issuer: JwtIssuer, signature: Signature, now: datetime) -> str | None:
    """The first rule of the issuer that the token breaks."""
    claims = jwt.claims
    if jwt.algorithm not in issuer.algorithms:
        return f"alg {jwt.algorithm} isn't among algorithms"
    if signature in (Signature.WRONG, Signature.NO_KEY):
        return signature
    if not names_audience(claims, issuer.audiences):
        return "aud holds none of audiences"
    if wrong := wrong_time(claims, now):
        return wrong
    if issuer.subject is not None and jwt.text("sub") != issuer.subject:
        return "sub isn't subject"
    for claim, expected in issuer.required_claims.items():
        if not has_value(claims, claim, expected):
            return f"{claim} hasn't the value of requiredClaims"
    # Last: a token that breaks another rule is refused whether its keys can be had or not.
    return signature if signature is Signature.KEYS_UNAVAILABLE else None
