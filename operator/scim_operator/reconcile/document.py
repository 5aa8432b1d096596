"""The delivered document as it lies in the cluster: one ConfigMap and one Secret of one revision. Pure.

The Secret is written first. So after a crash between the two the pair disagrees, which is seen by the next read and
healed by the next write; servers take only a pair that agrees.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from scim_operator.api import ObjectKey
from scim_operator.plan import TenantPlan, assemble, narrowed
from scim_server.config import (
    CONFIG_FILE,
    SECRETS_FILE,
    ConfigBundle,
    ConfigError,
    ServerConfig,
    ServerSecrets,
    Tenant,
    decode_config,
    decode_secrets,
    encode_config,
    encode_secrets,
)

DEFAULT_CONFIG_MAP = "scim-server-config"
DEFAULT_SECRET = "scim-server-secrets"  # noqa: S105 - a name

LARGEST_OBJECT = 1 << 20
"""What the API server accepts as the data of one ConfigMap or Secret, in bytes."""

KEPT_FOR_REMOVALS = 16 << 10
"""Bytes of each that additions leave free: less text can compress to a few bytes more, and a removal must fit."""

WRITER_ANNOTATION = "scim-operator.io/written-by"

_MANAGED = {"app.kubernetes.io/managed-by": "scim-operator"}
_TOKEN_KEY = re.compile(r"[0-9a-f]{64}")


class DocumentTooLarge(Exception):
    """The document no longer fits into its ConfigMap or Secret. The message, fit for a condition, says which; `size`,
    which every change of any tenant changes, is for the log."""

    def __init__(self, message: str, size: int) -> None:
        super().__init__(message)
        self.size = size


@dataclass(frozen=True, slots=True)
class DocumentNames:
    """Where the document lies: both objects are in `namespace`, where the server's pods mount them."""

    namespace: str
    config_map: str = DEFAULT_CONFIG_MAP
    secret: str = DEFAULT_SECRET

    @property
    def config_map_key(self) -> ObjectKey:
        return ObjectKey(self.namespace, self.config_map)

    @property
    def secret_key(self) -> ObjectKey:
        return ObjectKey(self.namespace, self.secret)


@dataclass(frozen=True, slots=True)
class Delivered:
    """One tenant as it is delivered, with the digests of all its credentials."""

    tenant: Tenant
    digests: Mapping[str, str] = field(repr=False)

    @classmethod
    def of(cls, plan: TenantPlan) -> "Delivered | None":
        """The whole plan; None where there is to be no tenant."""
        return cls(plan.tenant, plan.digests) if plan.tenant is not None else None

    def narrowed_to(self, plan: TenantPlan) -> "Delivered | None":
        """What `plan` leaves of this one (see `narrowed`), with the digests that are to be."""
        if plan.tenant is None:
            return None
        tenant = narrowed(self.tenant, plan.tenant)
        keys = [tenant.credential_key(name) for name in tenant.digest_names]
        return Delivered(tenant, {key: plan.digests[key] for key in keys})


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """What was read. Of a damaged document as much as can be told."""

    tenants: Mapping[ObjectKey, Delivered] = field(default_factory=dict)
    revision: int = 0
    """The higher one, when the two halves disagree."""

    token_key: bytes | None = field(default=None, repr=False)
    """None: it has to be made. Never None while a usable one is in the Secret."""

    intact: bool = False
    """Both halves are there, can be read and agree."""

    config_map_version: str | None = None
    secret_version: str | None = None

    since: Mapping[ObjectKey, int] = field(default_factory=dict)
    """Revisions since which parts, and the lack of one, are as they are; what isn't in here: this document's own."""

    writer: str | None = None
    """The process that wrote it, as it names itself."""

    @property
    def versions(self) -> tuple[str | None, str | None]:
        return self.config_map_version, self.secret_version

    def version_of(self, kind: str) -> str | None:
        return self.config_map_version if kind == "ConfigMap" else self.secret_version

    def since_revision(self, key: ObjectKey) -> int:
        """A replica that runs this revision, or a higher one, runs this tenant's part as it is here."""
        return self.since.get(key, self.revision)

    def replaced(
        self, bundle: ConfigBundle, tenants: Mapping[ObjectKey, Delivered], versions: tuple[str, str], writer: str
    ) -> "StoredDocument":
        """What is there after `bundle`, which holds `tenants`, was written in place of this."""
        # A revision is left out when a server has seen a higher one, of a document that may be another.
        known = self.intact and bundle.revision == self.revision + 1
        same = {
            key: self.since_revision(key)
            for key in tenants.keys() | self.tenants.keys() | self.since.keys()
            if tenants.get(key) == self.tenants.get(key)
        }
        changed = {key: bundle.revision for key in tenants.keys() | self.tenants.keys() if key not in same}
        return StoredDocument(
            tenants=tenants,
            revision=bundle.revision,
            token_key=bytes.fromhex(bundle.secrets.token_key),
            intact=True,
            config_map_version=versions[0],
            secret_version=versions[1],
            since=same | changed if known else {},
            writer=writer,
        )

    def bundle(self) -> ConfigBundle:
        """The document; only of an intact one."""
        if self.token_key is None:
            raise ValueError("there is no document")
        return assemble(
            ((item.tenant, item.digests) for item in self.tenants.values()), self.token_key, self.revision
        )


def read_document(config_map: Mapping[str, Any] | None, secret: Mapping[str, Any] | None) -> StoredDocument:
    """Never raises: what can't be read counts as missing, and is written anew."""
    config = _config(config_map)
    secrets_bytes = _value(secret, "data", SECRETS_FILE)
    secrets = _secrets(secrets_bytes)
    token_key, secrets_revision = _salvage(secrets_bytes)
    tenants: dict[ObjectKey, Delivered] = {}
    complete = config is not None and secrets is not None
    if config is not None and secrets is not None:
        for tenant in config.tenants:
            keys = [tenant.credential_key(name) for name in tenant.digest_names]
            if all(key in secrets.digests for key in keys):
                digests = {key: secrets.digests[key] for key in keys}
                tenants[ObjectKey(tenant.namespace, tenant.name)] = Delivered(tenant, digests)
            else:
                complete = False
    return StoredDocument(
        tenants=tenants,
        revision=max(config.revision if config is not None else 0, secrets_revision),
        token_key=token_key,
        intact=complete and config is not None and config.revision == secrets_revision,
        config_map_version=_resource_version(config_map),
        secret_version=_resource_version(secret),
        writer=((config_map or {}).get("metadata", {}).get("annotations") or {}).get(WRITER_ANNOTATION),
    )


def document_objects(
    bundle: ConfigBundle, names: DocumentNames, stored: StoredDocument, *, writer: str = "", keep_free: int = 0
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The Secret and the ConfigMap to apply, in this order, on the condition that `stored` is still what is there.

    Raises `DocumentTooLarge` when either would have more than `LARGEST_OBJECT` less `keep_free` bytes.
    """
    config, secrets = encode_config(bundle.config), encode_secrets(bundle.secrets)
    largest = LARGEST_OBJECT - keep_free
    for what, size in (
        (f"ConfigMap {names.config_map_key}", len(config)),
        (f"Secret {names.secret_key}", len(secrets)),
    ):
        if size > largest:
            raise DocumentTooLarge(f"{what} has no room: the document may have {largest} bytes", size)
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": _metadata(names.secret_key, stored.secret_version, writer),
        "type": "Opaque",
        "data": {SECRETS_FILE: base64.b64encode(secrets).decode()},
    }
    config_map = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": _metadata(names.config_map_key, stored.config_map_version, writer),
        "binaryData": {CONFIG_FILE: base64.b64encode(config).decode()},
    }
    return secret, config_map


def _metadata(key: ObjectKey, version: str | None, writer: str) -> dict[str, Any]:
    metadata: dict[str, Any] = {"namespace": key.namespace, "name": key.name, "labels": _MANAGED}
    if writer:
        metadata["annotations"] = {WRITER_ANNOTATION: writer}
    if version is not None:
        metadata["resourceVersion"] = version
    return metadata


def _config(config_map: Mapping[str, Any] | None) -> ServerConfig | None:
    value = _value(config_map, "binaryData", CONFIG_FILE)
    if value is None:
        return None
    try:
        return decode_config(value)
    except ConfigError:
        return None


def _secrets(value: bytes | None) -> ServerSecrets | None:
    if value is None:
        return None
    try:
        return decode_secrets(value)
    except ConfigError:
        return None


def _salvage(value: bytes | None) -> tuple[bytes | None, int]:
    """Token key and revision, even from a document of another version of the operator: a new key would make every
    digest that the servers hold useless, a lower revision would be refused."""
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


def _resource_version(raw: Mapping[str, Any] | None) -> str | None:
    return None if raw is None else raw["metadata"]["resourceVersion"]
