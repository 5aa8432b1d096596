"""The documents as bytes: what lies in the ConfigMap and the Secret, and what is pushed.

Encoding is deterministic: equal documents give equal bytes, so that a revision changes only with content.
"""

import gzip
import json
import zlib
from typing import Any, Self, TypeVar

import orjson
from pydantic import ValidationError, model_validator

from scim_server.config.contract import Contract
from scim_server.config.errors import ConfigError
from scim_server.config.model import SCHEMA_VERSION, ServerConfig, ServerSecrets

CONFIG_FILE = "server-config.json.gz"
"""Key in the ConfigMap and name of the mounted file: compressed, because a ConfigMap ends at 1 MiB."""

SECRETS_FILE = "server-secrets.json"
"""Key in the Secret and name of the mounted file."""

_LARGEST_DOCUMENT = 64 << 20


class ConfigBundle(Contract):
    """Both halves, of one revision: the body of `PUT /v1/config` on the management port."""

    config: ServerConfig
    secrets: ServerSecrets

    @property
    def revision(self) -> int:
        return self.config.revision

    @model_validator(mode="after")
    def _one_revision(self) -> Self:
        if self.config.revision != self.secrets.revision:
            raise ValueError(
                f"config has revision {self.config.revision} and secrets have revision {self.secrets.revision}:"
                " a pair of one revision is expected"
            )
        for tenant in self.config.tenants:
            for name in tenant.digest_names:
                if tenant.credential_key(name) not in self.secrets.digests:
                    raise ValueError(f"secrets hold no digest for credential {name!r} of {tenant.key}")
        return self

    def encode(self) -> bytes:
        return _canonical(self)

    @classmethod
    def of(cls, config: ServerConfig, secrets: ServerSecrets) -> Self:
        """Raises `ConfigError` where the halves don't fit together."""
        return _validate(cls, {"config": config, "secrets": secrets}, "bundle")

    @classmethod
    def decode(cls, body: bytes) -> Self:
        """Raises `ConfigError`."""
        document = _parse(body, "bundle")
        for half in ("config", "secrets"):
            if isinstance(document, dict):
                _check_version(document.get(half), half)
        return _validate(cls, document, "bundle")


def encode_config(config: ServerConfig) -> bytes:
    return gzip.compress(_canonical(config), mtime=0)


def decode_config(body: bytes) -> ServerConfig:
    """Raises `ConfigError`."""
    try:
        inflater = zlib.decompressobj(wbits=31)
        text = inflater.decompress(body, _LARGEST_DOCUMENT)
    except zlib.error as error:
        raise ConfigError(f"{CONFIG_FILE}: gzip data are expected ({error})") from None
    if inflater.unconsumed_tail or not inflater.eof:
        raise ConfigError(f"{CONFIG_FILE}: truncated, or larger than {_LARGEST_DOCUMENT} bytes")
    document = _parse(text, CONFIG_FILE)
    _check_version(document, CONFIG_FILE)
    return _validate(ServerConfig, document, CONFIG_FILE)


def encode_secrets(secrets: ServerSecrets) -> bytes:
    return _canonical(secrets)


def decode_secrets(body: bytes) -> ServerSecrets:
    """Raises `ConfigError`, whose message holds no value of the document."""
    document = _parse(body, SECRETS_FILE)
    _check_version(document, SECRETS_FILE)
    return _validate(ServerSecrets, document, SECRETS_FILE)


def _canonical(model: Contract) -> bytes:
    return orjson.dumps(model.model_dump(mode="json", exclude_none=True), option=orjson.OPT_SORT_KEYS)


def _parse(body: bytes, what: str) -> Any:
    try:
        return orjson.loads(body)
    except json.JSONDecodeError as error:
        raise ConfigError(f"{what}: JSON is expected ({error.msg} at offset {error.pos})") from None


def _check_version(document: Any, what: str) -> None:
    """Checked before validation: an unknown field of a newer operator must be reported as what it is."""
    version = document.get("schemaVersion", SCHEMA_VERSION) if isinstance(document, dict) else SCHEMA_VERSION
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise ConfigError(
            f"{what}: schemaVersion {version} is newer than {SCHEMA_VERSION}, the newest that this server knows;"
            " upgrade the server first"
        )


_M = TypeVar("_M", bound=Contract)


def _validate(model: type[_M], document: Any, what: str) -> _M:
    try:
        return model.model_validate(document)
    except ValidationError as error:
        # Only the place and the message: pydantic's own text repeats the input, which may be secret.
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "document"
        message = first["msg"]
        if first["type"] == "extra_forbidden":
            version = document.get("schemaVersion", SCHEMA_VERSION) if isinstance(document, dict) else SCHEMA_VERSION
            message = f"unknown field (the document says schemaVersion {version}, this server knows {SCHEMA_VERSION})"
        more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
        raise ConfigError(f"{what}: {place}: {message}{more}") from None
