"""Every kind of credential, from its Secret to both replicas: it works, is rotated, and ends with its Secret."""

import base64
import json

import httpx

from tests.e2e.installed import Installed, Tenant
from tests.e2e.manifests import Object, new_token, secret
from tests.support.issuer import Key, claims_of

ISSUER = "https://idp.example.com"
AUDIENCE = "scim"


def tenant_with(installation: Installed, namespace: str, **kinds: Object) -> Tenant:
    """With one more credential of each kind, beside the two bearer tokens."""
    tenant = installation.tenant(namespace)
    tenant.config["spec"]["authentication"] |= {kind: [entry] for kind, entry in kinds.items()}
    return tenant


def wait_for_all(installation: Installed, tenant: Tenant, authorization: str, status: int, what: str) -> None:
    for server in (0, 1):
        installation.wait_answer(tenant.client(server, authorization), status, what)


def end_with_the_secret(installation: Installed, tenant: Tenant, name: str, authorization: str) -> None:
    """Delete the Secret: the credential ends, the status says why, and the other credentials go on."""
    installation.cluster.kubectl("delete", "secret", name, "-n", tenant.namespace)
    wait_for_all(installation, tenant, authorization, 401, "the Secret is gone")
    found = installation.wait_for(
        "provisioningconfigs", tenant.namespace, tenant.name, "ResolvedRefs", "False", "SecretNotFound"
    )
    assert f"{tenant.namespace}/{name}" in found["message"]
    for server in (0, 1):
        assert tenant.provider(server).status() == 200


def basic(user: str, password: str) -> str:
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


def test_a_password(installation: Installed, namespace: str) -> None:
    first, second = new_token(), new_token()
    tenant = tenant_with(installation, namespace, basic={"name": "onelogin", "secretRef": {"name": "login"}})
    tenant.apply(secret(namespace, "login", username="sync", password=first))
    wait_for_all(installation, tenant, basic("sync", first), 200, "the password works")
    assert tenant.client(0, basic("somebody", first)).status() == 401
    assert tenant.client(0, f"Bearer {first}").status() == 401

    installation.cluster.apply(secret(namespace, "login", username="sync", password=second))
    wait_for_all(installation, tenant, basic("sync", second), 200, "the new password works")
    wait_for_all(installation, tenant, basic("sync", first), 401, "the old one doesn't")

    end_with_the_secret(installation, tenant, "login", basic("sync", second))


def key_set(*keys: Key) -> str:
    return json.dumps({"keys": [key.public for key in keys]})


def signed(key: Key, **claims: str) -> str:
    return f"Bearer {key.sign(claims_of(ISSUER, AUDIENCE, **claims))}"


def test_a_token_of_an_issuer(installation: Installed, namespace: str) -> None:
    first, second = Key.new("one", "ES256"), Key.new("two", "ES256")
    issuer = {
        "name": "idp",
        "issuer": ISSUER,
        "audiences": [AUDIENCE],
        "algorithms": ["ES256"],
        "requiredClaims": {"tenant": "acme"},
        "jwksSecretRef": {"name": "keys"},
    }
    tenant = tenant_with(installation, namespace, jwt=issuer)
    tenant.apply(secret(namespace, "keys", jwks=key_set(first)))
    old, new = signed(first, tenant="acme"), signed(second, tenant="acme")
    wait_for_all(installation, tenant, old, 200, "the token works")
    for refused in (signed(first, tenant="other"), signed(first, tenant="acme", aud="another"), new):
        assert tenant.client(0, refused).status() == 401

    installation.cluster.apply(secret(namespace, "keys", jwks=key_set(second)))
    wait_for_all(installation, tenant, new, 200, "the new key's token works")
    wait_for_all(installation, tenant, old, 401, "the old key's doesn't")

    end_with_the_secret(installation, tenant, "keys", new)


def grant(installation: Installed, tenant: Tenant, server: int, password: str) -> httpx.Response:
    return httpx.post(
        f"{installation.servers[server].url}/{tenant.key}/oauth/token",
        data={"grant_type": "client_credentials"},
        auth=("ping", password),
    )


def test_an_oauth_client(installation: Installed, namespace: str) -> None:
    first, second = new_token(), new_token()
    client = {"name": "ping", "clientId": "ping", "secretRef": {"name": "client"}, "access": "Read"}
    tenant = tenant_with(installation, namespace, oauthClients=client)
    tenant.apply(secret(namespace, "client", clientSecret=first))
    installation.wait_until(
        lambda: grant(installation, tenant, 0, first).status_code == 200,
        "the client secret works",
    )
    granted = grant(installation, tenant, 0, first)
    old = f"Bearer {granted.json()['access_token']}"
    wait_for_all(installation, tenant, old, 200, "a token of one replica works at both")
    assert grant(installation, tenant, 1, second).json()["error"] == "invalid_client"

    installation.cluster.apply(secret(namespace, "client", clientSecret=second))
    for server in (0, 1):
        installation.wait_until(
            lambda server=server: grant(installation, tenant, server, second).status_code == 200,  # type: ignore[misc]
            "the new client secret works",
        )
        assert grant(installation, tenant, server, first).status_code == 401

    end_with_the_secret(installation, tenant, "client", old)
    assert grant(installation, tenant, 0, second).status_code == 401


def test_a_deleted_config_ends_every_kind(installation: Installed, namespace: str) -> None:
    password, key = new_token(), Key.new("one", "ES256")
    tenant = tenant_with(
        installation,
        namespace,
        basic={"name": "login", "secretRef": {"name": "login"}},
        jwt={
            "name": "idp",
            "issuer": ISSUER,
            "audiences": [AUDIENCE],
            "algorithms": ["ES256"],
            "jwksSecretRef": {"name": "keys"},
        },
        oauthClients={"name": "ping", "clientId": "ping", "secretRef": {"name": "client"}},
    )
    tenant.apply(
        secret(namespace, "login", username="sync", password=password),
        secret(namespace, "keys", jwks=key_set(key)),
        secret(namespace, "client", clientSecret=password),
    )
    installation.wait_until(
        lambda: grant(installation, tenant, 0, password).status_code == 200,
        "the client secret works",
    )
    granted = grant(installation, tenant, 0, password).json()["access_token"]
    ways = (basic("sync", password), signed(key), f"Bearer {granted}", f"Bearer {tenant.token}")
    for way in ways:
        wait_for_all(installation, tenant, way, 200, "it works")
    installation.cluster.kubectl("delete", "provisioningconfig", tenant.name, "-n", namespace)
    for way in ways:
        wait_for_all(installation, tenant, way, 401, "the config is gone")
