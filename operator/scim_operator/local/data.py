"""The data directory of local mode: the database, the installation's token key, and what was served last.

What was served last is the counterpart of the ConfigMap and the Secret in a cluster: it carries the revision, and a
suspended ProvisioningConfig goes on as it was, over a restart too.
"""

import fcntl
import os
from pathlib import Path

from scim_server.config import (
    CONFIG_FILE,
    SECRETS_FILE,
    ConfigBundle,
    ConfigError,
    decode_config,
    decode_secrets,
    encode_config,
    encode_secrets,
    new_token_key,
)

DEFAULT_DATA_DIRECTORY = Path(".local")
"""Of `scim-operator local`, and of the commands that look at its data."""

_TOKEN_KEY_FILE = "token-key"  # noqa: S105 - the name of a file
_LOCK_FILE = ".lock"


class DataDirectoryError(Exception):
    """The directory or a file in it can't be used. The message is one line and names it."""


def database_file(path: Path) -> Path:
    """In the directory at `path`, which need not be there."""
    return path / "scim.db"


class DataDirectory:
    """Opened for one process at a time, because SQLite has one writer.

    Raises `DataDirectoryError` when it can't be made or written to, or when another process has it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock = os.open(path / _LOCK_FILE, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise DataDirectoryError(f"{path}: {error.strerror}") from None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            raise DataDirectoryError(
                f"{path}: in use by another local server: end that one, or give another --data-dir"
            ) from None

    def close(self) -> None:
        os.close(self._lock)

    @property
    def database_url(self) -> str:
        """Of the default database: `scim.db` in the directory."""
        return f"sqlite:///{database_file(self.path).absolute()}"

    def token_key(self) -> bytes:
        """The installation's key, 32 bytes; made at the first start. The file holds it as hexadecimal digits.

        Raises `DataDirectoryError`.
        """
        file = self.path / _TOKEN_KEY_FILE
        try:
            key = bytes.fromhex(file.read_text(encoding="ascii"))
            if len(key) == len(new_token_key()):
                return key
        except FileNotFoundError:
            key = new_token_key()
            _write(file, f"{key.hex()}\n".encode())
            return key
        except OSError as error:
            raise DataDirectoryError(f"{file}: {error.strerror}") from None
        except ValueError:
            pass
        raise DataDirectoryError(f"{file}: 64 hexadecimal digits are expected; without the file a new key is made")

    def last_served(self) -> ConfigBundle | None:
        """What was served last; None at the first start, and when the files can't be read (after a crash, say)."""
        try:
            config = decode_config((self.path / CONFIG_FILE).read_bytes())
            served = decode_secrets((self.path / SECRETS_FILE).read_bytes())
            return ConfigBundle(config=config, secrets=served)
        except (OSError, ConfigError, ValueError):
            # It holds nothing that the manifests and the database don't: only suspended tenants depend on it.
            return None

    def remember_served(self, bundle: ConfigBundle) -> None:
        """Raises `DataDirectoryError`."""
        _write(self.path / CONFIG_FILE, encode_config(bundle.config))
        _write(self.path / SECRETS_FILE, encode_secrets(bundle.secrets))


def _write(file: Path, content: bytes) -> None:
    """Replace the file whole, or not at all; only its owner may read it."""
    draft = file.with_name(f"{file.name}.new")
    try:
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as output:
            output.write(content)
        draft.replace(file)
    except OSError as error:
        raise DataDirectoryError(f"{file}: {error.strerror}") from None
