"""The delivered configuration as it lies in the cluster: per shard a ConfigMap and a Secret of one revision. Pure.

The Secret is written first. So after a crash between the two the pair disagrees, which is seen by the next read and
healed by the next write; servers take only a pair that agrees.
"""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from scim_operator.api import ObjectKey
from scim_operator.plan import TenantPlan, assemble, reduced
from scim_server.config import (
    SHARDS,
    ConfigBundle,
    ConfigError,
    ServerConfig,
    ServerSecrets,
    Tenant,
    config_file,
    decode_config,
    decode_secrets,
    encode_config,
    encode_secrets,
    secrets_file,
    shard_name,
    shard_of,
)

DEFAULT_CONFIG_MAP = "scim-server-config"
DEFAULT_SECRET = "scim-server-secrets"  # noqa: S105 - a name

WRITER_ANNOTATION = "scim-operator.io/written-by"

_MANAGED = {"app.kubernetes.io/managed-by": "scim-operator"}
_TOKEN_KEY = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class ShardNames:
    """Where the shards lie: all objects are in `namespace`, where the server's pods mount them. `config_map` and
    `secret` are what the names begin with; by themselves they are those of the one pair before there were shards."""

    namespace: str
    config_map: str = DEFAULT_CONFIG_MAP
    secret: str = DEFAULT_SECRET

    def config_map_key(self, shard: int | None) -> ObjectKey:
        return ObjectKey(self.namespace, self.config_map if shard is None else shard_name(self.config_map, shard))

    def secret_key(self, shard: int | None) -> ObjectKey:
        return ObjectKey(self.namespace, self.secret if shard is None else shard_name(self.secret, shard))

    @property
    def index_key(self) -> ObjectKey:
        """Of the ConfigMap that names each shard's revision."""
        return ObjectKey(self.namespace, f"{self.config_map}-index")

    @property
    def pairs(self) -> Iterator[tuple[int, str, ObjectKey]]:
        """Shard, kind and key of every object but the index."""
        for shard in SHARDS:
            yield shard, "ConfigMap", self.config_map_key(shard)
            yield shard, "Secret", self.secret_key(shard)


def shard_of_key(key: ObjectKey) -> int:
    return shard_of(str(key))


@dataclass(frozen=True, slots=True)
class StoredTenant:
    """One tenant as a shard holds it, or is to hold it, with the digests of all its credentials and the keys of its
    webhooks."""

    tenant: Tenant
    digests: Mapping[str, str] = field(repr=False)
    webhook_keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, plan: TenantPlan) -> "StoredTenant | None":
        """The whole plan; None where there is to be no tenant."""
        return cls(plan.tenant, plan.digests, plan.webhook_keys) if plan.tenant is not None else None

    def reduced_to(self, planned: "StoredTenant | None") -> "StoredTenant | None":
        """What `planned` leaves of this one (see `reduced`), with the digests that are to be."""
        if planned is None:
            return None
        tenant = reduced(self.tenant, planned.tenant)
        keys = [tenant.credential_key(name) for name in tenant.digest_names]
        digests = {key: planned.digests[key] for key in keys}
        return StoredTenant(tenant, digests, keys_of_webhooks(tenant, planned.webhook_keys))


StoredTenants = Mapping[ObjectKey, StoredTenant]
"""The tenants of a shard."""


@dataclass(frozen=True, slots=True)
class StoredShard:
    """What was read. Of a damaged shard as much as can be told."""

    shard: int | None
    """None: the one pair that there was before shards."""

    bundle: ConfigBundle | None = field(default=None, repr=False)
    """None: it is missing, can't be read, or its halves disagree."""

    tenants: StoredTenants = field(default_factory=dict)
    revision: int = 0
    """The higher one, when the two halves disagree."""

    token_key: bytes | None = field(default=None, repr=False)
    """None: it has to be made. Never None while a usable one is in the Secret."""

    config_map_version: str | None = None
    secret_version: str | None = None
    sizes: tuple[int, int] = (0, 0)
    """Bytes of the ConfigMap's and the Secret's data."""

    since: Mapping[ObjectKey, int] = field(default_factory=dict)
    """Revisions since which parts, and the lack of one, are as they are; what isn't in here: the shard's own."""

    writer: str | None = None
    """The process that wrote it, as it names itself."""

    @property
    def versions(self) -> tuple[str | None, str | None]:
        return self.config_map_version, self.secret_version

    def since_revision(self, key: ObjectKey) -> int:
        """A replica that runs this revision, or a higher one, runs this tenant's part as it is here."""
        return self.since.get(key, self.revision)

    def replaced(self, encoded: "EncodedShard", tenants: StoredTenants, versions: tuple[str, str]) -> "StoredShard":
        """What is there after `encoded`, which holds `tenants`, was written in place of this."""
        # A revision is left out when a server has seen a higher one, of a configuration that may be another.
        known = self.bundle is not None and encoded.bundle.revision == self.revision + 1
        same = {
            key: self.since_revision(key)
            for key in tenants.keys() | self.tenants.keys() | self.since.keys()
            if tenants.get(key) == self.tenants.get(key)
        }
        revision = encoded.bundle.revision
        changed = {key: revision for key in tenants.keys() | self.tenants.keys() if key not in same}
        return StoredShard(
            shard=self.shard,
            bundle=encoded.bundle,
            tenants=tenants,
            revision=revision,
            token_key=bytes.fromhex(encoded.bundle.secrets.token_key),
            config_map_version=versions[0],
            secret_version=versions[1],
            sizes=encoded.sizes,
            since=same | changed if known else {},
            writer=encoded.writer,
        )


@dataclass(frozen=True, slots=True)
class EncodedShard:
    """A shard as it is to be written."""

    bundle: ConfigBundle
    config: bytes = field(repr=False)
    secrets: bytes = field(repr=False)
    writer: str

    @classmethod
    def of(cls, shard: int, tenants: StoredTenants, token_key: bytes, revision: int, writer: str) -> "EncodedShard":
        pairs = ((part.tenant, part.digests) for part in tenants.values())
        webhook_keys = {name: keys for part in tenants.values() for name, keys in part.webhook_keys.items()}
        bundle = assemble(pairs, token_key, revision, shard, webhook_keys)
        return cls(bundle, encode_config(bundle.config), encode_secrets(bundle.secrets), writer)

    @property
    def sizes(self) -> tuple[int, int]:
        return len(self.config), len(self.secrets)

    def objects(self, names: ShardNames, stored: StoredShard) -> tuple[dict[str, Any], dict[str, Any]]:
        """The Secret and the ConfigMap to apply, in this order, on the condition that `stored` is still what is
        there."""
        shard = self.bundle.shard
        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": object_metadata(names.secret_key(shard), stored.secret_version, self.writer),
            "type": "Opaque",
            "data": {secrets_file(shard): base64.b64encode(self.secrets).decode()},
        }
        config_map = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": object_metadata(names.config_map_key(shard), stored.config_map_version, self.writer),
            "binaryData": {config_file(shard): base64.b64encode(self.config).decode()},
        }
        return secret, config_map


def parse_shard(
    shard: int | None, config_map: Mapping[str, Any] | None, secret: Mapping[str, Any] | None
) -> StoredShard:
    """Never raises: what can't be read counts as missing, and is written anew."""
    config_bytes = _value(config_map, "binaryData", config_file(shard))
    secrets_bytes = _value(secret, "data", secrets_file(shard))
    config, secrets = _config(config_bytes, shard), _secrets(secrets_bytes, shard)
    token_key, secrets_revision = _salvage(secrets_bytes)
    tenants: dict[ObjectKey, StoredTenant] = {}
    bundle: ConfigBundle | None = None
    if config is not None and secrets is not None:
        for tenant in config.tenants:
            keys = [tenant.credential_key(name) for name in tenant.digest_names]
            if all(key in secrets.digests for key in keys):
                digests = {key: secrets.digests[key] for key in keys}
                tenants[ObjectKey(tenant.namespace, tenant.name)] = StoredTenant(
                    tenant, digests, keys_of_webhooks(tenant, secrets.webhook_keys)
                )
        if config.revision == secrets.revision and len(tenants) == len(config.tenants):
            bundle = ConfigBundle(config=config, secrets=secrets)
    return StoredShard(
        shard=shard,
        bundle=bundle,
        tenants=tenants,
        revision=max(config.revision if config is not None else 0, secrets_revision),
        token_key=token_key,
        config_map_version=resource_version(config_map),
        secret_version=resource_version(secret),
        sizes=(len(config_bytes or b""), len(secrets_bytes or b"")),
        writer=((config_map or {}).get("metadata", {}).get("annotations") or {}).get(WRITER_ANNOTATION),
    )


def keys_of_webhooks(tenant: Tenant, keys: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """Of all those keys the tenant's. A webhook may have none."""
    names = (tenant.webhook_key(webhook.name) for webhook in tenant.webhooks)
    return {name: keys[name] for name in names if name in keys}


def object_metadata(key: ObjectKey, version: str | None, writer: str) -> dict[str, Any]:
    """Of an object that this process writes, on the condition that it still has that version."""
    metadata: dict[str, Any] = {"namespace": key.namespace, "name": key.name, "labels": _MANAGED}
    if writer:
        metadata["annotations"] = {WRITER_ANNOTATION: writer}
    if version is not None:
        metadata["resourceVersion"] = version
    return metadata


def resource_version(raw: Mapping[str, Any] | None) -> str | None:
    return None if raw is None else raw["metadata"]["resourceVersion"]


def _config(value: bytes | None, shard: int | None) -> ServerConfig | None:
    try:
        config = decode_config(value or b"")
    except ConfigError:
        return None
    return config if config.shard == shard else None


def _secrets(value: bytes | None, shard: int | None) -> ServerSecrets | None:
    try:
        secrets = decode_secrets(value or b"")
    except ConfigError:
        return None
    return secrets if secrets.shard == shard else None


def _salvage(value: bytes | None) -> tuple[bytes | None, int]:
    """Token key and revision, even from what another version of the operator wrote: a new key would make every digest
    that the servers hold useless, a lower revision would be refused."""
    try:
        raw = orjson.loads(value or b"null")
    except orjson.JSONDecodeError:
        return None, 0
    if not isinstance(raw, dict):
        return None, 0
    key, revision = raw.get("tokenKey"), raw.get("revision")
    return (
        bytes.fromhex(key) if isinstance(key, str) and _TOKEN_KEY.fullmatch(key) else None,
        revision if isinstance(revision, int) and revision > 0 else 0,
    )


def _value(raw: Mapping[str, Any] | None, field_name: str, key: str) -> bytes | None:
    value = ((raw or {}).get(field_name) or {}).get(key)
    if value is None:
        return None
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return None
