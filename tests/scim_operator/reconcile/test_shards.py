import base64
from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from scim_operator.api import ObjectKey
from scim_operator.plan import assemble
from scim_operator.reconcile.index import INDEX_FILE, Index, index_object, parse_index
from scim_operator.reconcile.shards import (
    EncodedShard,
    ShardNames,
    StoredShard,
    StoredTenant,
    parse_shard,
    shard_of_key,
)
from scim_server.config import BearerCredential, ConfigBundle, Tenant, config_file, secrets_file

NAMES = ShardNames("scim-system")
KEY = bytes(range(32))
SHARD = shard_of_key(ObjectKey("acme", "okta"))
OTHER = next(name for name in map(str, range(1000)) if shard_of_key(ObjectKey("acme", name)) == SHARD)
"""Of the same shard."""

NOTHING = StoredShard(SHARD)


def parts(*names: str) -> dict[ObjectKey, StoredTenant]:
    tenants = [Tenant(namespace="acme", name=name, credentials=(BearerCredential(name="one"),)) for name in names]
    return {
        ObjectKey("acme", tenant.name): StoredTenant(tenant, {tenant.credential_key("one"): "ab" * 32})
        for tenant in tenants
    }


def encoded(*names: str, revision: int = 7) -> EncodedShard:
    return EncodedShard.of(SHARD, parts(*names), KEY, revision, "a test")


def bundle(*names: str, revision: int = 7) -> ConfigBundle:
    pairs = [(part.tenant, part.digests) for part in parts(*names).values()]
    return assemble(pairs, KEY, revision, SHARD)


def written(content: EncodedShard) -> tuple[dict[str, Any], dict[str, Any]]:
    """ConfigMap and Secret as they come back from the API server."""
    secret, config_map = content.objects(NAMES, NOTHING)
    for version, item in enumerate((secret, config_map), start=100):
        item["metadata"]["resourceVersion"] = str(version)
    return config_map, secret


def test_what_is_written_is_read_again() -> None:
    stored = parse_shard(SHARD, *written(encoded("okta", OTHER)))
    assert stored.bundle is not None
    assert stored.revision == 7
    assert stored.token_key == KEY
    assert set(stored.tenants) == {ObjectKey("acme", "okta"), ObjectKey("acme", OTHER)}
    assert stored.bundle == bundle("okta", OTHER)


def test_a_write_stands_under_the_condition_that_nothing_changed_since_the_read() -> None:
    stored = parse_shard(SHARD, *written(encoded("okta")))
    secret, config_map = encoded("okta").objects(NAMES, stored)
    assert secret["metadata"]["resourceVersion"] == "100"
    assert config_map["metadata"]["resourceVersion"] == "101"
    secret, config_map = encoded("okta").objects(NAMES, NOTHING)
    assert "resourceVersion" not in secret["metadata"] | config_map["metadata"]


def test_the_config_map_holds_no_digest_and_no_key() -> None:
    _, config_map = encoded("okta").objects(NAMES, NOTHING)
    text = str(config_map) + str(parse_shard(SHARD, config_map | {"metadata": {"resourceVersion": "1"}}, None))
    assert "ab" * 32 not in text
    assert KEY.hex() not in text


def test_halves_of_two_revisions_are_not_intact_and_the_higher_one_counts() -> None:
    config_map, _ = written(encoded("okta", revision=7))
    _, secret = written(encoded("okta", revision=8))
    stored = parse_shard(SHARD, config_map, secret)
    assert stored.bundle is None
    assert stored.revision == 8
    assert stored.token_key == KEY
    assert set(stored.tenants) == {ObjectKey("acme", "okta")}


def test_a_tenant_whose_digests_are_missing_is_not_taken_for_delivered() -> None:
    config_map, _ = written(encoded("okta", OTHER))
    _, secret = written(encoded("okta"))
    stored = parse_shard(SHARD, config_map, secret)
    assert stored.bundle is None
    assert set(stored.tenants) == {ObjectKey("acme", "okta")}


def test_key_and_revision_are_saved_from_a_secret_of_a_newer_version() -> None:
    secret = {
        "metadata": {"resourceVersion": "1"},
        "data": {
            secrets_file(SHARD): base64.b64encode(
                orjson.dumps({"schemaVersion": 99, "revision": 12, "tokenKey": KEY.hex(), "new": {}})
            ).decode()
        },
    }
    stored = parse_shard(SHARD, None, secret)
    assert (stored.bundle, stored.revision, stored.token_key) == (None, 12, KEY)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(st.binary(max_size=60), _JSON)
def test_whatever_lies_there_is_read_without_an_error(config: bytes, secrets: Any) -> None:
    stored = parse_shard(
        SHARD,
        {"metadata": {"resourceVersion": "1"}, "binaryData": {config_file(SHARD): base64.b64encode(config).decode()}},
        {
            "metadata": {"resourceVersion": "1"},
            "data": {
                secrets_file(SHARD): base64.b64encode(orjson.dumps(secrets, option=orjson.OPT_NON_STR_KEYS)).decode()
            },
        },
    )
    assert stored.bundle is None
    assert stored.tenants == {}


def test_a_shard_in_the_place_of_another_is_not_taken_for_it() -> None:
    config_map, secret = written(encoded("okta"))
    other = (SHARD + 1) % 16
    config_map["binaryData"] = {config_file(other): config_map["binaryData"][config_file(SHARD)]}
    secret["data"] = {secrets_file(other): secret["data"][secrets_file(SHARD)]}
    stored = parse_shard(other, config_map, secret)
    assert (stored.bundle, stored.tenants, stored.token_key) == (None, {}, KEY)


def test_the_index_names_each_shards_revision() -> None:
    made = index_object(NAMES, Index({3: 7, 12: 9}, "5"), "a test")
    assert made["metadata"]["name"] == "scim-server-config-index"
    assert made["metadata"]["resourceVersion"] == "5"
    assert parse_index(made) == Index({3: 7, 12: 9}, "5")


@given(_JSON)
def test_whatever_lies_in_the_index_is_read_without_an_error(named: Any) -> None:
    made = index_object(NAMES, Index({}, "5"), "a test")
    made["data"] = {INDEX_FILE: orjson.dumps(named, option=orjson.OPT_NON_STR_KEYS).decode()}
    assert parse_index(made).version == "5"


def test_nothing_in_the_index_is_no_index() -> None:
    assert parse_index(None) == Index()
