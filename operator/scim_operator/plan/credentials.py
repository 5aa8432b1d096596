"""Bearer tokens: from Secrets to digests."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from scim_operator.api import BearerToken, Condition, ObjectKey, ProvisioningConfig, reasons
from scim_operator.api.conditions import format_time
from scim_operator.plan.verdicts import CredentialStatus, Problem
from scim_server.config import BearerCredential, TokenTooShort, token_digest

_SENDABLE = re.compile(rb"[\x21-\x7e]+")
"""Visible ASCII. RFC 6750 §2.1 allows fewer characters, but clients send what they were given."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """The credentials of one config that can be used, and what is wrong with the others."""

    usable: tuple[BearerCredential, ...]
    digests: Mapping[str, str] = field(repr=False)
    """By name of the credential."""

    problems: tuple[Problem, ...]

    @property
    def statuses(self) -> tuple[CredentialStatus, ...]:
        return tuple(CredentialStatus(credential.name, credential.expires_at) for credential in self.usable)

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


def plan_credentials(
    config: ProvisioningConfig,
    secrets: Mapping[ObjectKey, Mapping[str, bytes]],
    token_key: bytes,
    now: datetime | None,
) -> Credentials:
    """Digests of the tokens that are there and can be used. No token, and no part of one, is in the result."""
    usable: list[BearerCredential] = []
    digests: dict[str, str] = {}
    problems: list[Problem] = []
    for index, token in enumerate(config.spec.authentication.bearer_tokens):
        outcome = _digest(config, index, token, secrets, token_key, now)
        if isinstance(outcome, Problem):
            problems.append(outcome)
        else:
            usable.append(BearerCredential(name=token.name, access=token.access, expires_at=token.expires_at))
            digests[token.name] = outcome
    return Credentials(tuple(sorted(usable, key=lambda credential: credential.name)), digests, tuple(problems))


def _digest(
    config: ProvisioningConfig,
    index: int,
    token: BearerToken,
    secrets: Mapping[ObjectKey, Mapping[str, bytes]],
    token_key: bytes,
    now: datetime | None,
) -> str | Problem:
    credential = f'credential "{token.name}"'
    path = ("spec", "authentication", "bearerTokens", index)
    ref = token.secret_ref
    secret = ObjectKey(config.metadata.namespace, ref.name)
    if now is not None and token.expires_at is not None and token.expires_at <= now:
        message = f"{credential} expired at {format_time(token.expires_at)}"
        return Problem((*path, "expiresAt"), reasons.CREDENTIAL_EXPIRED, message)
    if secret not in secrets:
        message = f"{credential}: Secret {secret} was not found"
        return Problem((*path, "secretRef", "name"), reasons.SECRET_NOT_FOUND, message)
    if ref.key not in secrets[secret]:
        message = f'{credential}: Secret {secret} has no key "{ref.key}"'
        return Problem((*path, "secretRef", "key"), reasons.SECRET_KEY_NOT_FOUND, message)
    value = secrets[secret][ref.key].rstrip(b"\r\n")  # `echo token | base64`, editors: the line's end is not meant
    where = f'{credential}: key "{ref.key}" of Secret {secret}'
    try:
        digest = token_digest(value, token_key)
    except TokenTooShort as error:
        return Problem((*path, "secretRef"), reasons.TOKEN_TOO_SHORT, f"{where}: {error}")
    if not _SENDABLE.fullmatch(value):
        message = f"{where}: the token has a character that is not visible ASCII, so no client can send it"
        return Problem((*path, "secretRef"), reasons.TOKEN_UNUSABLE, message)
    return digest


def _joined(problems: Sequence[Problem]) -> str:
    return "; ".join(problem.message for problem in problems)
