"""The data directory of local mode."""

import stat
from pathlib import Path

import pytest

from scim_operator.local.data import DataDirectory, DataDirectoryError
from scim_server.config import (
    SECRETS_FILE,
    BearerCredential,
    ConfigBundle,
    ServerConfig,
    ServerSecrets,
    Tenant,
    token_digest,
)


@pytest.fixture
def directory(tmp_path: Path) -> DataDirectory:
    return DataDirectory(tmp_path / "data")


def test_the_token_key_is_made_once_and_private(directory: DataDirectory) -> None:
    key = directory.token_key()
    assert len(key) == 32
    assert directory.token_key() == key
    assert stat.S_IMODE((directory.path / "token-key").stat().st_mode) == 0o600


def test_a_damaged_token_key_is_reported_and_kept(directory: DataDirectory) -> None:
    (directory.path / "token-key").write_text("not a key\n")
    with pytest.raises(DataDirectoryError, match="token-key: 64 hexadecimal digits are expected"):
        directory.token_key()
    assert (directory.path / "token-key").read_text() == "not a key\n"


def test_what_was_served_is_remembered(directory: DataDirectory) -> None:
    assert directory.last_served() is None
    tenant = Tenant(namespace="acme", name="okta", credentials=(BearerCredential(name="okta"),))
    digest = token_digest(b"x" * 20, directory.token_key())
    bundle = ConfigBundle(
        config=ServerConfig(revision=7, tenants=(tenant,)),
        secrets=ServerSecrets(revision=7, token_key=directory.token_key().hex(), digests={"acme/okta/okta": digest}),
    )
    directory.remember_served(bundle)
    assert directory.last_served() == bundle
    assert stat.S_IMODE((directory.path / SECRETS_FILE).stat().st_mode) == 0o600


def test_half_of_what_was_served_counts_as_nothing(directory: DataDirectory) -> None:
    for revision in (1, 2):
        secrets = (directory.path / SECRETS_FILE).read_bytes() if revision == 2 else b""
        directory.remember_served(
            ConfigBundle(
                config=ServerConfig(revision=revision), secrets=ServerSecrets(revision=revision, token_key="0" * 64)
            )
        )
    (directory.path / SECRETS_FILE).write_bytes(secrets)
    assert directory.last_served() is None


def test_files_that_cannot_be_read_or_written_are_named(directory: DataDirectory) -> None:
    (directory.path / "token-key").mkdir()
    with pytest.raises(DataDirectoryError, match="token-key: Is a directory"):
        directory.token_key()
    (directory.path / SECRETS_FILE).mkdir()
    with pytest.raises(DataDirectoryError, match=f"{SECRETS_FILE}: Is a directory"):
        directory.remember_served(
            ConfigBundle(config=ServerConfig(revision=1), secrets=ServerSecrets(revision=1, token_key="0" * 64))
        )


def test_one_server_at_a_time(directory: DataDirectory) -> None:
    with pytest.raises(DataDirectoryError, match="in use by another local server"):
        DataDirectory(directory.path)
    directory.close()
    DataDirectory(directory.path).close()


def test_a_file_in_its_place_is_reported(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(DataDirectoryError, match="data: File exists"):
        DataDirectory(tmp_path / "data")
