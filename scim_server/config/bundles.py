"""A configuration with its secrets, and both as bytes: what lies in a ConfigMap and a Secret, and what is pushed.

Encoding is deterministic: equal configurations give equal bytes, so that a revision changes only with content.
"""

import gzip
import json
import zlib
from collections.abc import Iterable, Mapping
from typing import Any, Self, TypeVar

import orjson
from pydantic import PrivateAttr, ValidationError, model_validator

from scim_server.config.contract import Contract
from scim_server.config.errors import ConfigError
from scim_server.config.model import SCHEMA_VERSION, ServerConfig, ServerSecrets, Tenant
from scim_server.config.shards import SHARDS, config_file, secrets_file, shard_of

CONFIG_FILE = config_file(None)
SECRETS_FILE = secrets_file(None)
"""Names of the files with the whole configuration: local mode's, and those of operators before there were shards."""

_LARGEST_CONFIG = 64 << 20


class ConfigBundle(Contract):
    """Both halves, of one revision: the body of `PUT /v1/config` on the management port. One shard, or the whole."""

    config: ServerConfig
    secrets: ServerSecrets
    _revisions: Mapping[int, int] = PrivateAttr(default_factory=dict)
    """By shard, where shards of several revisions were put together."""

    @property
    def revision(self) -> int:
        """Of several shards together the highest."""
        return self.config.revision

    @property
    def shard(self) -> int | None:
        """None: all of them."""
        return self.config.shard

    def revision_of(self, tenant_key: str) -> int:
        """The revision of the tenant's shard."""
        return self._revisions.get(shard_of(tenant_key), self.revision)

    def parts(self) -> Mapping[int, Self]:
        """The shards of the whole, all of one revision; of a shard itself."""
        if self.shard is not None:
            return {self.shard: self}
        tenants: dict[int, list[Tenant]] = {shard: [] for shard in SHARDS}
        for tenant in self.config.tenants:
            tenants[shard_of(tenant.key)].append(tenant)
        return {shard: self._part(shard, tuple(tenants[shard])) for shard in SHARDS}

    def _part(self, shard: int, tenants: tuple[Tenant, ...]) -> Self:
        names = (tenant.credential_key(name) for tenant in tenants for name in tenant.digest_names)
        digests = {name: self.secrets.digests[name] for name in names}
        webhooks = (tenant.webhook_key(webhook.name) for tenant in tenants for webhook in tenant.webhooks)
        keys = {name: self.secrets.webhook_keys[name] for name in webhooks if name in self.secrets.webhook_keys}
        secrets = {"shard": shard, "digests": digests, "webhook_keys": keys}
        return self.model_copy(
            update={
                "config": self.config.model_copy(update={"shard": shard, "tenants": tenants}),
                "secrets": self.secrets.model_copy(update=secrets),
            }
        )

    @classmethod
    def together(cls, parts: Iterable[Self]) -> Self:
        """All shards as one. They have one token key, but for the moment in which a lost one is replaced: then that
        of the highest revision counts."""
        shards = sorted(parts, key=lambda part: part.revision)
        newest = shards[-1]
        tenants = (tenant for part in shards for tenant in part.config.tenants)
        digests = {name: digest for part in shards for name, digest in part.secrets.digests.items()}
        ordered = tuple(sorted(tenants, key=lambda tenant: (tenant.namespace, tenant.name)))
        config = newest.config.model_copy(update={"shard": None, "tenants": ordered})
        keys = {name: each for part in shards for name, each in part.secrets.webhook_keys.items()}
        secrets = newest.secrets.model_copy(
            update={
                "shard": None,
                "digests": dict(sorted(digests.items())),
                "webhook_keys": dict(sorted(keys.items())),
            }
        )
        whole = newest.model_copy(update={"config": config, "secrets": secrets})
        if shards[0].revision != newest.revision:
            whole._revisions = {part.shard: part.revision for part in shards if part.shard is not None}
        return whole

    @model_validator(mode="after")
    def _one_revision(self) -> Self:
        if self.config.revision != self.secrets.revision:
            raise ValueError(
                f"config has revision {self.config.revision} and secrets have revision {self.secrets.revision}:"
                " a pair of one revision is expected"
            )
        if self.config.shard != self.secrets.shard:
            raise ValueError(f"config is of shard {self.config.shard} and secrets are of shard {self.secrets.shard}")
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
        raw = _parse(body, "bundle")
        for half in ("config", "secrets"):
            if isinstance(raw, dict):
                _check_version(raw.get(half), half)
        return _validate(cls, raw, "bundle")


def encode_config(config: ServerConfig) -> bytes:
    return gzip.compress(_canonical(config), mtime=0)


def decode_config(body: bytes) -> ServerConfig:
    """Raises `ConfigError`."""
    try:
        inflater = zlib.decompressobj(wbits=31)
        text = inflater.decompress(body, _LARGEST_CONFIG)
    except zlib.error as error:
        raise ConfigError(f"{CONFIG_FILE}: gzip data are expected ({error})") from None
    if inflater.unconsumed_tail or not inflater.eof:
        raise ConfigError(f"{CONFIG_FILE}: truncated, or larger than {_LARGEST_CONFIG} bytes")
    return config_of_json(text, CONFIG_FILE)


def config_of_json(text: bytes, what: str) -> ServerConfig:
    """Raises `ConfigError`, which begins with what it is."""
    raw = _parse(text, what)
    _check_version(raw, what)
    return _validate(ServerConfig, raw, what)


def config_to_json(config: ServerConfig) -> bytes:
    return _canonical(config)


def encode_secrets(secrets: ServerSecrets) -> bytes:
    return _canonical(secrets)


def decode_secrets(body: bytes) -> ServerSecrets:
    """Raises `ConfigError`, whose message holds no value of it."""
    raw = _parse(body, SECRETS_FILE)
    _check_version(raw, SECRETS_FILE)
    return _validate(ServerSecrets, raw, SECRETS_FILE)


def _canonical(model: Contract) -> bytes:
    return orjson.dumps(model.model_dump(mode="json", exclude_none=True), option=orjson.OPT_SORT_KEYS)


def _parse(body: bytes, what: str) -> Any:
    try:
        return orjson.loads(body)
    except json.JSONDecodeError as error:
        raise ConfigError(f"{what}: JSON is expected ({error.msg} at offset {error.pos})") from None


def _check_version(raw: Any, what: str) -> None:
    """Checked before validation: an unknown field of a newer operator must be reported as what it is."""
    version = raw.get("schemaVersion", SCHEMA_VERSION) if isinstance(raw, dict) else SCHEMA_VERSION
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise ConfigError(
            f"{what}: schemaVersion {version} is newer than {SCHEMA_VERSION}, the newest that this server knows;"
            " upgrade the server first"
        )


_M = TypeVar("_M", bound=Contract)


def _validate(model: type[_M], raw: Any, what: str) -> _M:
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        # Only the place and the message: pydantic's own text repeats the input, which may be secret.
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "document"
        message = first["msg"]
        if first["type"] == "extra_forbidden":
            version = raw.get("schemaVersion", SCHEMA_VERSION) if isinstance(raw, dict) else SCHEMA_VERSION
            message = f"unknown field (the document says schemaVersion {version}, this server knows {SCHEMA_VERSION})"
        more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
        raise ConfigError(f"{what}: {place}: {message}{more}") from None
