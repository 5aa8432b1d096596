import base64
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scim_operator.api import ObjectKey
from scim_operator.plan import assemble
from scim_operator.reconcile import document
from scim_operator.reconcile.document import DocumentNames, DocumentTooLarge, document_objects, read_document
from scim_server.config import CONFIG_FILE, SECRETS_FILE, BearerCredential, ConfigBundle, Tenant

NAMES = DocumentNames("scim-system")
KEY = bytes(range(32))


def bundle(*names: str, revision: int = 7) -> ConfigBundle:
    tenants = [Tenant(namespace="acme", name=name, credentials=(BearerCredential(name="one"),)) for name in names]
    return assemble([(tenant, {tenant.credential_key("one"): "ab" * 32}) for tenant in tenants], KEY, revision)


def written(content: ConfigBundle) -> tuple[dict[str, Any], dict[str, Any]]:
    """ConfigMap and Secret as they come back from the API server."""
    secret, config_map = document_objects(content, NAMES, read_document(None, None))
    for version, item in enumerate((secret, config_map), start=100):
        item["metadata"]["resourceVersion"] = str(version)
    return config_map, secret


def test_what_is_written_is_read_again() -> None:
    stored = read_document(*written(bundle("okta", "entra")))
    assert stored.intact
    assert stored.revision == 7
    assert stored.token_key == KEY
    assert set(stored.tenants) == {ObjectKey("acme", "okta"), ObjectKey("acme", "entra")}
    assert stored.bundle() == bundle("okta", "entra")


def test_a_write_stands_under_the_condition_that_nothing_changed_since_the_read() -> None:
    stored = read_document(*written(bundle("okta")))
    secret, config_map = document_objects(bundle("okta"), NAMES, stored)
    assert secret["metadata"]["resourceVersion"] == "100"
    assert config_map["metadata"]["resourceVersion"] == "101"
    secret, config_map = document_objects(bundle("okta"), NAMES, read_document(None, None))
    assert "resourceVersion" not in secret["metadata"] | config_map["metadata"]


def test_the_config_map_holds_no_digest_and_no_key() -> None:
    _, config_map = document_objects(bundle("okta"), NAMES, read_document(None, None))
    text = str(config_map) + str(read_document(config_map | {"metadata": {"resourceVersion": "1"}}, None))
    assert "ab" * 32 not in text
    assert KEY.hex() not in text


def test_halves_of_two_revisions_are_not_intact_and_the_higher_one_counts() -> None:
    config_map, _ = written(bundle("okta", revision=7))
    _, secret = written(bundle("okta", revision=8))
    stored = read_document(config_map, secret)
    assert not stored.intact
    assert stored.revision == 8
    assert stored.token_key == KEY
    assert set(stored.tenants) == {ObjectKey("acme", "okta")}


def test_a_tenant_whose_digests_are_missing_is_not_taken_for_delivered() -> None:
    config_map, _ = written(bundle("okta", "entra"))
    _, secret = written(bundle("okta"))
    stored = read_document(config_map, secret)
    assert not stored.intact
    assert set(stored.tenants) == {ObjectKey("acme", "okta")}


def test_key_and_revision_are_saved_from_a_secret_of_a_newer_version() -> None:
    secret = {
        "metadata": {"resourceVersion": "1"},
        "data": {
            SECRETS_FILE: base64.b64encode(
                orjson.dumps({"schemaVersion": 99, "revision": 12, "tokenKey": KEY.hex(), "new": {}})
            ).decode()
        },
    }
    stored = read_document(None, secret)
    assert (stored.intact, stored.revision, stored.token_key) == (False, 12, KEY)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(st.binary(max_size=60), _JSON)
def test_whatever_lies_there_is_read_without_an_error(config: bytes, secrets: Any) -> None:
    stored = read_document(
        {"metadata": {"resourceVersion": "1"}, "binaryData": {CONFIG_FILE: base64.b64encode(config).decode()}},
        {
            "metadata": {"resourceVersion": "1"},
            "data": {SECRETS_FILE: base64.b64encode(orjson.dumps(secrets, option=orjson.OPT_NON_STR_KEYS)).decode()},
        },
    )
    assert not stored.intact
    assert stored.tenants == {}


def test_too_large_says_which_and_how_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document, "LARGEST_OBJECT", 10)
    with pytest.raises(DocumentTooLarge, match="ConfigMap scim-system/scim-server-config has no room") as raised:
        document_objects(bundle("okta"), NAMES, read_document(None, None))
    assert raised.value.size > 10
    assert str(raised.value.size) not in str(raised.value)
