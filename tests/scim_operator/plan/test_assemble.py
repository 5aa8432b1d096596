import pytest

from scim_operator.plan import assemble, same_content
from scim_server.config import BearerCredential, Tenant
from tests.scim_operator.plan.inputs import TOKEN_KEY

DIGEST, OTHER = "a" * 64, "b" * 64
OKTA = Tenant(namespace="acme", name="okta", credentials=(BearerCredential(name="t"),))
ENTRA = Tenant(namespace="acme", name="entra")
OKTA_DIGESTS = {"acme/okta/t": DIGEST}


def test_the_order_of_tenants_does_not_change_a_byte() -> None:
    there = assemble([(OKTA, OKTA_DIGESTS), (ENTRA, {})], TOKEN_KEY, 7)
    back = assemble([(ENTRA, {}), (OKTA, OKTA_DIGESTS)], TOKEN_KEY, 7)

    assert there.encode() == back.encode()
    assert there.revision == 7
    assert [tenant.key for tenant in there.config.tenants] == ["acme/entra", "acme/okta"]
    assert there.secrets.token_key == TOKEN_KEY.hex()


def test_content_is_the_same_when_only_the_revision_differs() -> None:
    bundle = assemble([(OKTA, OKTA_DIGESTS)], TOKEN_KEY, 1)

    assert same_content(bundle, assemble([(OKTA, OKTA_DIGESTS)], TOKEN_KEY, 2))
    assert not same_content(bundle, assemble([(OKTA, {"acme/okta/t": OTHER})], TOKEN_KEY, 1))
    assert not same_content(bundle, assemble([(OKTA, OKTA_DIGESTS), (ENTRA, {})], TOKEN_KEY, 1))
    assert not same_content(bundle, assemble([(OKTA, OKTA_DIGESTS)], bytes(32), 1))


def test_a_credential_without_a_digest_is_an_error() -> None:
    with pytest.raises(ValueError, match="no digest for credential 't' of acme/okta"):
        assemble([(OKTA, {})], TOKEN_KEY, 1)
