"""Credentials whose secret both sides know: tokens, passwords, client secrets. What is delivered is a digest."""

import re
from datetime import datetime

from scim_operator.api import BasicLogin, BearerToken, ClientRegistration, ClientSecretRef, FieldPath, reasons
from scim_operator.api.conditions import format_time
from scim_operator.plan.secret_values import SecretValues
from scim_operator.plan.verdicts import Problem
from scim_server.config import (
    MAXIMUM_TOKEN_BYTES,
    BasicCredential,
    BearerCredential,
    OAuthClient,
    TokenTooLong,
    TokenTooShort,
    pair_digest,
    token_digest,
)

_VISIBLE = re.compile(rb"[\x21-\x7e]+")
"""Visible ASCII. RFC 6750 §2.1 allows fewer characters, but clients send what they were given."""
_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")
"""RFC 7617 §2: neither user name nor password may hold them."""


def plan_bearer_token(
    values: SecretValues, path: FieldPath, token: BearerToken, token_key: bytes, now: datetime | None
) -> tuple[BearerCredential, str] | Problem:
    if (expired := _expired(values, path, token.expires_at, now)) is not None:
        return expired
    path, ref = (*path, "secretRef"), token.secret_ref
    value = values.read(path, ref.name, ref.key)
    if isinstance(value, Problem):
        return value
    try:
        digest = token_digest(value, token_key)
    except TokenTooShort as error:
        return values.problem(path, ref.name, ref.key, reasons.TOKEN_TOO_SHORT, error)
    except TokenTooLong as error:
        return values.problem(path, ref.name, ref.key, reasons.TOKEN_UNUSABLE, error)
    if not _VISIBLE.fullmatch(value):
        what = "the token has a character that is not visible ASCII, so no client can send it"
        return values.problem(path, ref.name, ref.key, reasons.TOKEN_UNUSABLE, what)
    credential = BearerCredential(
        name=token.name, access=token.access, user_name=token.user_name, expires_at=token.expires_at
    )
    return credential, digest


def plan_basic_login(
    values: SecretValues, path: FieldPath, login: BasicLogin, token_key: bytes, now: datetime | None
) -> tuple[BasicCredential, str] | Problem:
    if (expired := _expired(values, path, login.expires_at, now)) is not None:
        return expired
    path, ref = (*path, "secretRef"), login.secret_ref
    user = values.read(path, ref.name, ref.username_key, "usernameKey")
    if isinstance(user, Problem):
        return user
    password = values.read(path, ref.name, ref.password_key, "passwordKey")
    if isinstance(password, Problem):
        return password
    if not 0 < len(user) <= MAXIMUM_TOKEN_BYTES or b":" in user or _CONTROL.search(user):
        what = "the user name is empty or too long or has a colon or a control character, so no client can send it"
        return values.problem(path, ref.name, ref.username_key, reasons.PASSWORD_UNUSABLE, what)
    try:
        digest = pair_digest(user, password, token_key)
    except TokenTooShort as error:
        return values.problem(path, ref.name, ref.password_key, reasons.PASSWORD_TOO_SHORT, error)
    except TokenTooLong as error:
        return values.problem(path, ref.name, ref.password_key, reasons.PASSWORD_UNUSABLE, error)
    if _CONTROL.search(password):
        what = "the password has a control character, so no client can send it"
        return values.problem(path, ref.name, ref.password_key, reasons.PASSWORD_UNUSABLE, what)
    credential = BasicCredential(
        name=login.name, access=login.access, user_name=login.user_name, expires_at=login.expires_at
    )
    return credential, digest


def plan_client_secret(
    values: SecretValues, path: FieldPath, client: ClientRegistration, ref: ClientSecretRef, token_key: bytes
) -> tuple[OAuthClient, str] | Problem:
    path = (*path, "secretRef")
    secret = values.read(path, ref.name, ref.key)
    if isinstance(secret, Problem):
        return secret
    try:
        digest = pair_digest(client.client_id.encode(), secret, token_key)
    except TokenTooShort as error:
        return values.problem(path, ref.name, ref.key, reasons.PASSWORD_TOO_SHORT, error)
    except TokenTooLong as error:
        return values.problem(path, ref.name, ref.key, reasons.PASSWORD_UNUSABLE, error)
    if _CONTROL.search(secret):
        what = "the client secret has a control character, so no client can send it"
        return values.problem(path, ref.name, ref.key, reasons.PASSWORD_UNUSABLE, what)
    credential = OAuthClient(
        name=client.name, client_id=client.client_id, access=client.access, user_name=client.user_name
    )
    return credential, digest


def _expired(
    values: SecretValues, path: FieldPath, expires_at: datetime | None, now: datetime | None
) -> Problem | None:
    if now is None or expires_at is None or expires_at > now:
        return None
    message = f"{values.credential} expired at {format_time(expires_at)}"
    return Problem((*path, "expiresAt"), reasons.CREDENTIAL_EXPIRED, message)
