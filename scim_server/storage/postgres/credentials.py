"""What to connect with, where its files are replaced while the server runs."""

import logging
from pathlib import Path

from scim_server.storage.credential_files import CredentialFiles, read_credential
from scim_server.storage.errors import StorageUnavailable
from scim_server.storage.urls import InvalidDatabaseUrl, check_postgres_url, same_database

_log = logging.getLogger(__name__)


class Credentials:
    """What to connect with now. `url`: what the server began with, whose hosts and database stay."""

    def __init__(self, url: str, files: CredentialFiles) -> None:
        self._first = url
        self._files = files
        self._told_other = False

    def url(self) -> str:
        """Raises `StorageUnavailable` where the file can't be read or holds something else."""
        if self._files.url is None:
            return self._first
        url = _read(self._files.url)
        try:
            check_postgres_url(url)
        except InvalidDatabaseUrl as error:
            raise StorageUnavailable(f"{self._files.url}: {error}") from None
        if same_database(url, self._first):
            self._told_other = False
            return url
        if not self._told_other:  # half of the connections would lead to the one, half to the other
            self._told_other = True
            _log.warning("%s names another database or other settings now: restart to use them", self._files.url)
        return self._first

    def password(self) -> str | None:
        """None: the one of the URL."""
        return None if self._files.password is None else _read(self._files.password)


def _read(file: Path) -> str:
    try:
        return read_credential(file)
    except OSError as error:
        raise StorageUnavailable(f"{file}: {error.strerror}") from None
    except ValueError as error:
        raise StorageUnavailable(f"{file}: {error}") from None
