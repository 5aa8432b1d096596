"""The part `spec.authentication` of a ProvisioningConfig: how clients prove who they are."""

from typing import Annotated, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from scim_operator.api.keys import OBJECT_NAME
from scim_operator.api.resource import ApiModel, Name, Time, require_unique
from scim_server.config import DEFAULT_ALGORITHMS, Access, SigningAlgorithm, UserName, check_jwks_url

_ObjectName = Annotated[str, StringConstraints(pattern=OBJECT_NAME, max_length=253)]
_SecretKey = Annotated[str, StringConstraints(min_length=1, max_length=253)]
_Text = Annotated[str, StringConstraints(min_length=1, max_length=1024)]
_ClientId = Annotated[str, StringConstraints(pattern=r"^[ -~]+$", max_length=256)]
_JwksUrl = Annotated[str, StringConstraints(max_length=2048), AfterValidator(check_jwks_url)]


class SecretKeyRef(ApiModel):
    """A key of a Secret in the config's own namespace. There is no namespace to give: Secrets don't travel."""

    name: _ObjectName
    key: _SecretKey = "token"


class BasicSecretRef(ApiModel):
    """A Secret with user name and password. The keys are by default those of type kubernetes.io/basic-auth."""

    name: _ObjectName
    username_key: _SecretKey = "username"
    password_key: _SecretKey = "password"  # noqa: S105 - the name of a key


class ClientSecretRef(SecretKeyRef):
    key: _SecretKey = "clientSecret"


class JwksSecretRef(SecretKeyRef):
    """A JSON Web Key Set with public keys: not secret, but kept where the other credentials are."""

    key: _SecretKey = "jwks"


class BoundCredential(ApiModel):
    """One that may stand for a user, whose userName is given."""

    name: Name
    access: Access = Access.PROVISION
    user_name: UserName | None = None

    @model_validator(mode="after")
    def _self_is_somebody(self) -> Self:
        if self.access is Access.SELF and self.user_name is None:
            raise ValueError("access Self needs userName")
        return self


class BearerToken(BoundCredential):
    secret_ref: SecretKeyRef
    expires_at: Time | None = None


class BasicLogin(BoundCredential):
    secret_ref: BasicSecretRef
    expires_at: Time | None = None


class TokenIssuer(ApiModel):
    """Whoever issues JSON Web Tokens that are accepted: by the keys behind `jwks_url` or in a Secret."""

    name: Name
    issuer: _Text
    audiences: Annotated[tuple[_Text, ...], Field(min_length=1, max_length=16)]
    jwks_url: _JwksUrl | None = Field(default=None, alias="jwksURL")
    jwks_secret_ref: JwksSecretRef | None = None
    algorithms: Annotated[tuple[SigningAlgorithm, ...], Field(min_length=1)] = DEFAULT_ALGORITHMS
    subject: _Text | None = None
    required_claims: Annotated[dict[Name, _Text], Field(max_length=16)] = Field(default_factory=dict)
    access: Access = Access.PROVISION
    user_name_claim: Name | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.jwks_url is None) == (self.jwks_secret_ref is None):
            raise ValueError("exactly one of jwksURL and jwksSecretRef is expected")
        return self

    @model_validator(mode="after")
    def _self_is_somebody(self) -> Self:
        if self.access is Access.SELF and self.user_name_claim is None:
            raise ValueError("access Self needs userNameClaim")
        return self


class ClientRegistration(BoundCredential):
    """An OAuth client of the tenant's token endpoint: with a secret, or with keys that sign its assertions."""

    client_id: _ClientId
    secret_ref: ClientSecretRef | None = None
    jwks_url: _JwksUrl | None = Field(default=None, alias="jwksURL")
    jwks_secret_ref: JwksSecretRef | None = None

    @model_validator(mode="after")
    def _one_proof(self) -> Self:
        if sum(given is not None for given in (self.secret_ref, self.jwks_url, self.jwks_secret_ref)) != 1:
            raise ValueError("exactly one of secretRef, jwksSecretRef and jwksURL is expected")
        return self


class Authentication(ApiModel):
    """All kinds share one space of names."""

    bearer_tokens: tuple[BearerToken, ...] = ()
    basic: tuple[BasicLogin, ...] = ()
    jwt: tuple[TokenIssuer, ...] = ()
    oauth_clients: tuple[ClientRegistration, ...] = ()

    @property
    def secret_names(self) -> frozenset[str]:
        """Of every Secret that is referred to."""
        refs: list[SecretKeyRef | BasicSecretRef | None] = [token.secret_ref for token in self.bearer_tokens]
        refs += [login.secret_ref for login in self.basic]
        refs += [issuer.jwks_secret_ref for issuer in self.jwt]
        refs += [ref for client in self.oauth_clients for ref in (client.secret_ref, client.jwks_secret_ref)]
        return frozenset(ref.name for ref in refs if ref is not None)

    @model_validator(mode="after")
    def _some_and_names_once(self) -> Self:
        kinds = (self.bearer_tokens, self.basic, self.jwt, self.oauth_clients)
        names = [credential.name for kind in kinds for credential in kind]
        if not names:
            raise ValueError("at least one credential is expected")
        require_unique("credential", names)
        require_unique("clientId", [client.client_id for client in self.oauth_clients])
        return self
