"""Credentials that are proven by a signature: what is delivered are public keys, or where to fetch them."""

from scim_operator.api import ClientRegistration, FieldPath, JwksSecretRef, TokenIssuer, reasons
from scim_operator.plan.secret_values import SecretValues
from scim_operator.plan.verdicts import Problem
from scim_server.config import JwtIssuer, OAuthClient, PublicJwk, parse_key_set, private_members


def plan_token_issuer(values: SecretValues, path: FieldPath, issuer: TokenIssuer) -> JwtIssuer | Problem:
    keys = _keys(values, path, issuer.jwks_secret_ref)
    if isinstance(keys, Problem):
        return keys
    return JwtIssuer(
        name=issuer.name,
        issuer=issuer.issuer,
        audiences=tuple(sorted(set(issuer.audiences))),
        algorithms=tuple(sorted(set(issuer.algorithms))),
        subject=issuer.subject,
        required_claims=issuer.required_claims,
        access=issuer.access,
        user_name_claim=issuer.user_name_claim,
        jwks_url=issuer.jwks_url,
        jwks=keys,
    )


def plan_signing_client(values: SecretValues, path: FieldPath, client: ClientRegistration) -> OAuthClient | Problem:
    keys = _keys(values, path, client.jwks_secret_ref)
    if isinstance(keys, Problem):
        return keys
    return OAuthClient(
        name=client.name,
        client_id=client.client_id,
        access=client.access,
        user_name=client.user_name,
        jwks_url=client.jwks_url,
        jwks=keys,
    )


def _keys(values: SecretValues, path: FieldPath, ref: JwksSecretRef | None) -> tuple[PublicJwk, ...] | Problem:
    if ref is None:
        return ()
    path = (*path, "jwksSecretRef")
    body = values.read(path, ref.name, ref.key)
    if isinstance(body, Problem):
        return body
    if private_members(body):
        what = "the key set has private or symmetric keys; public ones are expected, the others stay with the signer"
        return values.problem(path, ref.name, ref.key, reasons.KEY_SET_UNUSABLE, what)
    try:
        return parse_key_set(body)
    except ValueError as error:
        return values.problem(path, ref.name, ref.key, reasons.KEY_SET_UNUSABLE, error)
