"""Credentials: from the spec and its Secrets to what the server needs, which holds nothing secret but digests."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from scim_operator.api import Condition, FieldPath, ObjectKey, ProvisioningConfig, reasons
from scim_operator.plan.secret_values import SecretValues
from scim_operator.plan.shared_secrets import plan_basic_login, plan_bearer_token, plan_client_secret
from scim_operator.plan.signing_keys import plan_signing_client, plan_token_issuer
from scim_operator.plan.verdicts import CredentialStatus, Problem
from scim_server.config import (
    Access,
    BasicCredential,
    BearerCredential,
    Credential,
    JwtIssuer,
    OAuthClient,
    SharedSecret,
    Tenant,
)

_PATH: FieldPath = ("spec", "authentication")
_C = TypeVar("_C", bound=Credential)
_NARROWER = {Access.READ: "may only read", Access.SELF: "may only read its own user"}
_Planned = tuple[Credential, str] | Problem
"""A credential with its digest, or why there is none."""
_PlannedSecret = tuple[BearerCredential | BasicCredential, str] | Problem


@dataclass(frozen=True, slots=True)
class Credentials:
    """The credentials of one config that can be used, each kind by name, and what is wrong with the others."""

    bearer: tuple[BearerCredential, ...] = ()
    basic: tuple[BasicCredential, ...] = ()
    issuers: tuple[JwtIssuer, ...] = ()
    clients: tuple[OAuthClient, ...] = ()
    digests: Mapping[str, str] = field(default_factory=dict, repr=False)
    """By name of the credential."""

    problems: tuple[Problem, ...] = ()

    @property
    def usable(self) -> tuple[Credential, ...]:
        """Of every kind."""
        return (*self.bearer, *self.basic, *self.issuers, *self.clients)

    @property
    def fields(self) -> dict[str, Any]:
        """The fields of a `Tenant` that hold them."""
        return {
            "credentials": self.bearer,
            "basic_credentials": self.basic,
            "jwt_issuers": self.issuers,
            "oauth_clients": self.clients,
        }

    @property
    def statuses(self) -> tuple[CredentialStatus, ...]:
        statuses = [
            CredentialStatus(one.name, one.expires_at if isinstance(one, SharedSecret) else None)
            for one in self.usable
        ]
        return tuple(sorted(statuses, key=lambda status: status.name))

    @property
    def resolved_refs(self) -> Condition:
        """See `api.reasons`: an expired credential alone is no fault while another one works."""
        faults = [problem for problem in self.problems if problem.reason != reasons.CREDENTIAL_EXPIRED]
        if not self.usable:
            faults = list(self.problems)
        if faults:
            return Condition.of(reasons.RESOLVED_REFS, False, faults[0].reason, _joined(self.problems))
        message = _joined(self.problems) or "all credentials can be used"
        return Condition.of(reasons.RESOLVED_REFS, True, reasons.RESOLVED_REFS, message)


def delivered_credentials(tenant: Tenant, digests: Mapping[str, str]) -> Credentials:
    """Those of a tenant as it is delivered; without the ones whose digests are missing."""
    held = {name: digests[key] for name in tenant.digest_names if (key := tenant.credential_key(name)) in digests}
    missing = set(tenant.digest_names) - held.keys()
    return Credentials(
        bearer=tuple(one for one in tenant.credentials if one.name not in missing),
        basic=tuple(one for one in tenant.basic_credentials if one.name not in missing),
        issuers=tenant.jwt_issuers,
        clients=tuple(one for one in tenant.oauth_clients if one.name not in missing),
        digests=held,
    )


def plan_credentials(
    config: ProvisioningConfig,
    secrets: Mapping[ObjectKey, Mapping[str, bytes]],
    token_key: bytes,
    now: datetime | None,
) -> Credentials:
    """Those that are there and can be used. The result holds no part of a token or password."""
    namespace, authentication = config.metadata.namespace, config.spec.authentication
    found = _Found()

    def values(name: str) -> SecretValues:
        return SecretValues(namespace, secrets, f'credential "{name}"')

    tokens: dict[FieldPath, _PlannedSecret] = {}
    for index, token in enumerate(authentication.bearer_tokens):
        path: FieldPath = (*_PATH, "bearerTokens", index)
        tokens[path] = plan_bearer_token(values(token.name), path, token, token_key, now)
    for index, login in enumerate(authentication.basic):
        path = (*_PATH, "basic", index)
        tokens[path] = plan_basic_login(values(login.name), path, login, token_key, now)
    for outcome in _without_shared(tokens):
        found.add(outcome)
    for index, issuer in enumerate(authentication.jwt):
        found.add(plan_token_issuer(values(issuer.name), (*_PATH, "jwt", index), issuer))
    for index, client in enumerate(authentication.oauth_clients):
        path = (*_PATH, "oauthClients", index)
        if client.secret_ref is not None:
            found.add(plan_client_secret(values(client.name), path, client, client.secret_ref, token_key))
        else:
            found.add(plan_signing_client(values(client.name), path, client))
    return found.credentials()


def _without_shared(planned: Mapping[FieldPath, _PlannedSecret]) -> Iterable[_PlannedSecret]:
    """`planned`, by the path of each credential, with a problem for each that has a secret which another credential
    has with a narrower access or, earlier, for another user: one secret can't prove both."""
    narrowest: dict[str, BearerCredential | BasicCredential] = {}
    for outcome in planned.values():
        if isinstance(outcome, tuple):
            credential, digest = outcome
            known = narrowest.setdefault(digest, credential)
            if credential.access.narrowness > known.access.narrowness:
                narrowest[digest] = credential
    for path, outcome in planned.items():
        if not isinstance(outcome, tuple):
            yield outcome
            continue
        credential, other = outcome[0], narrowest[outcome[1]]
        if (credential.access, credential.user_name) == (other.access, other.user_name):
            yield outcome
            continue
        why = "stands for another user" if credential.access is other.access else _NARROWER[other.access]
        message = f'credential "{credential.name}": its secret is also that of credential "{other.name}", which {why}'
        yield Problem((*path, "secretRef"), reasons.SECRET_SHARED, message)


class _Found:
    def __init__(self) -> None:
        self._usable: list[Credential] = []
        self._digests: dict[str, str] = {}
        self._problems: list[Problem] = []

    def add(self, outcome: Credential | _Planned) -> None:
        if isinstance(outcome, Problem):
            self._problems.append(outcome)
            return
        if isinstance(outcome, tuple):
            credential, self._digests[outcome[0].name] = outcome
        else:
            credential = outcome
        self._usable.append(credential)

    def credentials(self) -> Credentials:
        return Credentials(
            bearer=self._of(BearerCredential),
            basic=self._of(BasicCredential),
            issuers=self._of(JwtIssuer),
            clients=self._of(OAuthClient),
            digests=self._digests,
            problems=tuple(self._problems),
        )

    def _of(self, kind: type[_C]) -> tuple[_C, ...]:
        """Sorted: equal credentials in another order are the same configuration."""
        return tuple(sorted((one for one in self._usable if isinstance(one, kind)), key=lambda one: one.name))


def _joined(problems: Sequence[Problem]) -> str:
    return "; ".join(problem.message for problem in problems)
