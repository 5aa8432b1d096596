"""How a client proves who it is. All credentials of a tenant share one space of names."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Self

from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints, model_validator

from scim_server.config.contract import Contract, Name
from scim_server.config.jwks_url import check_jwks_url
from scim_server.config.public_keys import LARGEST_KEY_SET, PublicJwk, SigningAlgorithm

DEFAULT_ALGORITHMS = (SigningAlgorithm.RS256,)
"""What nearly every issuer signs with (OpenID Connect Core §15.1 demands it)."""

_Text = Annotated[str, StringConstraints(min_length=1, max_length=1024)]
_ClientId = Annotated[str, StringConstraints(pattern=r"^[ -~]+$", max_length=256)]
"""RFC 6749, appendix A.1: printable ASCII."""
UserName = Annotated[str, StringConstraints(min_length=1, max_length=512)]
"""As long as a user's own may be."""
_JwksUrl = Annotated[str, StringConstraints(max_length=2048), AfterValidator(check_jwks_url)]


class Access(StrEnum):
    """What a credential may do: `Provision` is the identity provider, `Read` an application or auditor, `Self` a user
    who sees the user that the credential stands for, and nobody else. From the widest to the narrowest."""

    PROVISION = "Provision"
    READ = "Read"
    SELF = "Self"

    @property
    def narrowness(self) -> int:
        return list(Access).index(self)

    def within(self, other: "Access") -> "Access":
        """The narrower one of both."""
        return max(self, other, key=lambda access: access.narrowness)


class Credential(Contract):
    """What every kind has. `name` is what logs and status show."""

    name: Name
    access: Access = Access.PROVISION


class BoundCredential(Credential):
    """One that may stand for a user (RFC 7644 §3.11). `user_name` compares without case, as everywhere."""

    user_name: UserName | None = Field(default=None, exclude_if=lambda value: value is None)

    @model_validator(mode="after")
    def _self_is_somebody(self) -> Self:
        if self.access is Access.SELF and self.user_name is None:
            raise ValueError("access Self needs userName")
        return self


class SharedSecret(BoundCredential):
    """A secret that both sides know. The server has only its digest."""

    expires_at: AwareDatetime | None = None

    def expired(self, now: datetime) -> bool:
        return self.expires_at is not None and self.expires_at <= now


class BearerCredential(SharedSecret):
    """A bearer token, by name. Its digest is in `ServerSecrets.digests` under `Tenant.credential_key(name)`."""


class BasicCredential(SharedSecret):
    """A user name with a password (RFC 7617). `tokens.pair_digest` of both is in `ServerSecrets.digests`."""


class KeySource(Contract):
    """Public keys: exactly one of their URL and the keys themselves."""

    jwks_url: _JwksUrl | None = None
    jwks: tuple[PublicJwk, ...] = Field(default=(), max_length=LARGEST_KEY_SET)

    @property
    def has_keys(self) -> bool:
        return self.jwks_url is not None or bool(self.jwks)


class JwtIssuer(Credential, KeySource):
    """Tokens that somebody else issues and signs (RFC 7519), such as Microsoft Entra ID for its SCIM requests.

    A token is taken when its signature is by one of the keys and of one of `algorithms`, `iss` equals `issuer`, `aud`
    holds one of `audiences`, `sub` equals `subject` where that is given, and each of `required_claims` has
    exactly that text as its value or, for a claim that is a list, as one of its values.

    Where `user_name_claim` is given, a token stands for the user whose userName is the value of that claim.
    """

    issuer: _Text
    audiences: tuple[_Text, ...] = Field(min_length=1, max_length=16)
    algorithms: tuple[SigningAlgorithm, ...] = Field(default=DEFAULT_ALGORITHMS, min_length=1)
    subject: _Text | None = None
    required_claims: dict[Name, _Text] = Field(default_factory=dict, max_length=16)
    user_name_claim: Name | None = Field(default=None, exclude_if=lambda value: value is None)

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.jwks_url is None) == (not self.jwks):
            raise ValueError("exactly one of jwksUrl and jwks is expected")
        return self

    @model_validator(mode="after")
    def _self_is_somebody(self) -> Self:
        if self.access is Access.SELF and self.user_name_claim is None:
            raise ValueError("access Self needs userNameClaim")
        return self


class OAuthClient(BoundCredential, KeySource):
    """A client of the tenant's own token endpoint (RFC 6749 §4.4).

    With keys it proves itself by signed assertions (RFC 7523). Without, it has a secret, of which
    `tokens.pair_digest`, with the client id, is in `ServerSecrets.digests`.
    """

    client_id: _ClientId

    @model_validator(mode="after")
    def _at_most_one_source(self) -> Self:
        if self.jwks_url is not None and self.jwks:
            raise ValueError("at most one of jwksUrl and jwks is expected")
        return self
