import gzip
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scim_server.config import (
    SCHEMA_VERSION,
    Access,
    AttributeRule,
    BearerCredential,
    ConfigBundle,
    ConfigError,
    Deprovisioning,
    GroupSelector,
    Role,
    RoleRule,
    ServerConfig,
    ServerSecrets,
    Tenant,
    decode_config,
    decode_secrets,
    encode_config,
    encode_secrets,
)
from tests.scim_server.config.bundles import DIGEST, TOKEN_KEY, bundle, tenant, with_token

names = st.text(min_size=1, max_size=8)


@st.composite
def tenants(draw: st.DrawFn) -> Tenant:
    roles = draw(st.lists(names, min_size=1, max_size=3, unique=True))
    some_roles = st.lists(st.sampled_from(roles), max_size=3).map(tuple)
    selectors = st.builds(GroupSelector, display_name=names) | st.builds(GroupSelector, external_id=names)
    return Tenant(
        namespace="acme",
        name=draw(st.sampled_from(["okta", "entra", "a.b-c"])),
        display_name=draw(st.none() | names),
        credentials=tuple(
            BearerCredential(
                name=name,
                access=draw(st.sampled_from(Access)),
                user_name="ada",
                expires_at=draw(st.none() | st.datetimes(timezones=st.just(UTC))),
            )
            for name in draw(st.lists(names, max_size=2, unique=True))
        ),
        roles=tuple(Role(name=role, permissions=tuple(draw(st.lists(names, max_size=2)))) for role in roles),
        base_roles=draw(some_roles),
        fallback_roles=draw(some_roles),
        rules=tuple(
            RoleRule(
                mapping="acme/mapping",
                rule=name,
                groups=tuple(draw(st.lists(selectors, min_size=1, max_size=2))),
                roles=tuple(draw(st.lists(st.sampled_from(roles), min_size=1, max_size=2))),
            )
            for name in draw(st.lists(names, max_size=2, unique=True))
        ),
        attributes=tuple(
            AttributeRule(mapping="acme/mapping", target=name, path=draw(st.none() | names), default=draw(names))
            for name in draw(st.lists(names, max_size=2, unique=True))
        ),
        deprovisioning=Deprovisioning(deactivation_delay_seconds=draw(st.integers(0, 10**6))),
    )


def bundles() -> st.SearchStrategy[ConfigBundle]:
    several = st.lists(tenants(), max_size=2, unique_by=lambda one: one.key)
    return st.builds(lambda revision, listed: bundle(revision, *listed), st.integers(1, 10**9), several)


@given(bundles())
def test_what_is_encoded_is_decoded(document: ConfigBundle) -> None:
    assert ConfigBundle.decode(document.encode()) == document
    assert decode_config(encode_config(document.config)) == document.config
    assert decode_secrets(encode_secrets(document.secrets)) == document.secrets


@given(bundles())
def test_equal_documents_give_equal_bytes(document: ConfigBundle) -> None:
    copy = ConfigBundle.model_validate_json(document.model_dump_json())

    assert copy.encode() == document.encode()
    assert encode_config(copy.config) == encode_config(document.config)
    assert encode_secrets(copy.secrets) == encode_secrets(document.secrets)


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_whatever_the_bytes_decoding_raises_only_config_errors(body: bytes) -> None:
    for decode in (ConfigBundle.decode, decode_secrets, decode_config, lambda it: decode_config(gzip.compress(it))):
        with pytest.raises(ConfigError):
            decode(body)


def test_names_in_json_are_camel_case_and_nothing_secret_is_in_the_config() -> None:
    document = bundle(3, with_token())

    shown = gzip.decompress(encode_config(document.config)).decode()

    assert '"deactivationDelaySeconds":900' in shown
    assert DIGEST not in shown
    assert TOKEN_KEY not in shown
    assert DIGEST not in repr(document)
    assert TOKEN_KEY not in repr(document)


def changed(change: dict[str, Any], half: str = "config") -> bytes:
    document = json.loads(bundle(3, with_token()).encode())
    document[half] |= change
    return json.dumps(document).encode()


def test_a_newer_schema_version_names_both() -> None:
    newer = SCHEMA_VERSION + 1
    message = f"schemaVersion {newer} is newer than {SCHEMA_VERSION}"

    for half in ("config", "secrets"):
        with pytest.raises(ConfigError, match=f"^{half}: {message}.*upgrade the server first"):
            ConfigBundle.decode(changed({"schemaVersion": newer, "futureField": 1}, half))
    config = json.dumps({"schemaVersion": newer, "revision": 1, "futureField": 1}).encode()
    with pytest.raises(ConfigError, match=message):
        decode_config(gzip.compress(config))
    with pytest.raises(ConfigError, match=message):
        decode_secrets(config)


def test_an_unknown_field_is_an_error_that_names_it_and_both_versions() -> None:
    with pytest.raises(ConfigError) as caught:
        decode_config(gzip.compress(json.dumps({"revision": 1, "futureField": 1}).encode()))

    assert "futureField: unknown field" in str(caught.value)
    assert f"says schemaVersion {SCHEMA_VERSION}, this server knows {SCHEMA_VERSION}" in str(caught.value)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (changed({"revision": 4}), "a pair of one revision is expected"),
        (changed({"digests": {}}, "secrets"), "no digest for credential 'okta' of acme/okta"),
        (changed({"revision": 0}), r"config\.revision: Input should be greater than or equal to 1"),
        (changed({"tenants": [{"namespace": "acme"}]}), r"config\.tenants\.0\.name: Field required"),
        (changed({"tenants": [{"namespace": "a", "name": "b"}] * 2}), "'a/b' appears more than once"),
        (changed({"tenants": [{"namespace": "a/b", "name": "b"}]}), r"config\.tenants\.0\.namespace"),
        (b"[1, 2", "bundle: JSON is expected"),
        (b"[1, 2]", "bundle: document"),
    ],
)
def test_an_error_names_the_field_and_what_was_expected(body: bytes, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        ConfigBundle.decode(body)


@pytest.mark.parametrize(
    "change",
    [
        {"tokenKey": "tell-no-one"},
        {"tokenKey": ["tell-no-one"]},
        {"digests": {"acme/okta/okta": "tell-no-one"}},
        {"digests": ["tell-no-one"]},
        {"digests": "tell-no-one"},
        {"revision": "tell-no-one"},
    ],
)
def test_no_value_of_the_secrets_is_in_an_error(change: dict[str, Any]) -> None:
    document = {"revision": 1, "tokenKey": TOKEN_KEY, "digests": {}} | change

    with pytest.raises(ConfigError) as alone:
        decode_secrets(json.dumps(document).encode())
    with pytest.raises(ConfigError) as in_bundle:
        ConfigBundle.decode(changed(change, "secrets"))

    for caught in (alone, in_bundle):
        assert "tell-no-one" not in str(caught.value)
        assert caught.value.__cause__ is None
        assert caught.value.__suppress_context__


def test_a_compressed_document_that_is_cut_or_a_bomb_is_refused() -> None:
    whole = encode_config(ServerConfig(revision=1))
    with pytest.raises(ConfigError, match="truncated"):
        decode_config(whole[:-9])
    with pytest.raises(ConfigError, match="larger than"):
        decode_config(gzip.compress(b" " * (65 << 20)))


def test_a_revision_of_both_halves() -> None:
    with pytest.raises(ValueError, match="a pair of one revision"):
        ConfigBundle(config=ServerConfig(revision=1), secrets=ServerSecrets(revision=2, token_key=TOKEN_KEY))


def test_expiry_includes_the_instant() -> None:
    instant = datetime(2027, 5, 1, tzinfo=UTC)
    credential = BearerCredential(name="a", expires_at=instant)

    assert credential.expired(instant)
    assert not credential.expired(instant.replace(year=2026))
    assert not BearerCredential(name="a").expired(instant)


def test_two_tenants_have_different_keys_for_one_name_of_credential() -> None:
    assert tenant(name="a").credential_key("t") == "acme/a/t"
    assert tenant(name="b").credential_key("t") == "acme/b/t"
