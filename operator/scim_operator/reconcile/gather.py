"""Step 1: read everything that one tenant depends on, from the cluster as it is now."""

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from scim_operator.api import (
    ATTRIBUTE_MAPPING,
    PLURALS,
    ROLE_MAPPING,
    AttributeMapping,
    InvalidObject,
    InvalidSecret,
    NamespacesFrom,
    ObjectKey,
    ProvisioningConfig,
    RoleMapping,
    secret_data,
)
from scim_operator.api.constants import WATCH_LABEL
from scim_operator.cluster import ClusterClient, JsonObject
from scim_operator.plan import TenantInputs, secret_refs
from scim_operator.reconcile.shards import StoredTenant

MappingKey = tuple[str, ObjectKey]
"""Kind and key."""

_CONFIGS_AT_ONCE = 8
"""Whose Secrets are read at the same time."""

_M = TypeVar("_M", RoleMapping, AttributeMapping)


@dataclass(frozen=True, slots=True)
class Gathered:
    """All that one tenant depends on. The raw objects are kept for their status."""

    key: ObjectKey
    raw_config: JsonObject | None
    raw_mappings: Mapping[MappingKey, JsonObject]
    config: ProvisioningConfig | None
    invalid: str | None
    role_mappings: tuple[RoleMapping, ...]
    attribute_mappings: tuple[AttributeMapping, ...]
    invalid_mappings: Mapping[MappingKey, str]
    secrets: Mapping[ObjectKey, Mapping[str, bytes]]
    unwatched_secrets: frozenset[ObjectKey]
    """Those that lack the label by which the operator watches Secrets."""

    namespaces: Mapping[str, Mapping[str, str]]
    departure_noted: bool = False
    """See `TenantInputs`."""

    @property
    def nothing(self) -> bool:
        """Neither the config nor any mapping that names it exists."""
        return self.raw_config is None and not self.raw_mappings

    @property
    def suspended(self) -> bool:
        return self.config is not None and self.config.spec.suspend

    @property
    def secret_keys(self) -> frozenset[ObjectKey]:
        return secret_refs(self.config) if self.config is not None else frozenset()

    @property
    def mapping_namespaces(self) -> frozenset[str]:
        """Namespaces other than the config's own whose labels may matter."""
        return frozenset(key.namespace for _, key in self.raw_mappings) - {self.key.namespace}

    def inputs(self, token_key: bytes, delivered: StoredTenant | None, now: datetime) -> TenantInputs:
        return TenantInputs(
            config_key=self.key,
            config=self.config,
            invalid=self.invalid,
            role_mappings=self.role_mappings,
            attribute_mappings=self.attribute_mappings,
            secrets=self.secrets,
            namespaces=self.namespaces,
            token_key=token_key,
            previous=delivered.tenant if delivered is not None else None,
            uid=self.raw_config["metadata"].get("uid") if self.raw_config is not None else None,
            previous_digests=delivered.digests if delivered is not None else {},
            previous_webhook_keys=delivered.webhook_keys if delivered is not None else {},
            now=now,
            invalid_mappings=self.invalid_mappings,
            departure_noted=self.departure_noted,
        )


async def gather(client: ClusterClient, key: ObjectKey) -> Gathered:
    """Raises `ClusterError`. Nothing is taken from a cache: what was missed is found here."""
    raw_config, roles, attributes = await asyncio.gather(
        client.get_config(key),
        client.list_mappings(PLURALS[ROLE_MAPPING], key),
        client.list_mappings(PLURALS[ATTRIBUTE_MAPPING], key),
    )
    return await _gathered(client, key, raw_config, roles, attributes)


async def gather_some(client: ClusterClient, keys: Collection[ObjectKey]) -> list[Gathered]:
    """What each of these depends on, some at a time."""
    few = asyncio.Semaphore(_CONFIGS_AT_ONCE)

    async def one(key: ObjectKey) -> Gathered:
        async with few:
            return await gather(client, key)

    return await asyncio.gather(*(one(key) for key in keys))


async def gather_all(
    client: ClusterClient, also: Iterable[ObjectKey], wanted: Callable[[ObjectKey], bool]
) -> list[Gathered]:
    """What each wanted config depends on: first those that exist, the oldest first, then those of `also` that don't.
    Costs one list of each kind."""
    configs, roles, attributes = await asyncio.gather(
        client.list_configs(),
        client.list_all_mappings(PLURALS[ROLE_MAPPING]),
        client.list_all_mappings(PLURALS[ATTRIBUTE_MAPPING]),
    )
    roles_of, attributes_of = _by_config(roles), _by_config(attributes)
    few = asyncio.Semaphore(_CONFIGS_AT_ONCE)

    async def one(key: ObjectKey, raw: JsonObject | None) -> Gathered:
        async with few:
            return await _gathered(client, key, raw, roles_of.get(key, ()), attributes_of.get(key, ()))

    existing = {key: raw for raw in sorted(configs, key=_age) if wanted(key := ObjectKey.of(raw))}
    gone = dict.fromkeys(key for key in sorted(also) if key not in existing)
    return await asyncio.gather(*(one(key, raw) for key, raw in (existing | gone).items()))


async def _gathered(
    client: ClusterClient,
    key: ObjectKey,
    raw_config: JsonObject | None,
    roles: Sequence[JsonObject],
    attributes: Sequence[JsonObject],
) -> Gathered:
    config, invalid = _parse_config(raw_config)
    raw_mappings: dict[MappingKey, JsonObject] = {}
    invalid_mappings: dict[MappingKey, str] = {}
    role_mappings = _parse_mappings(RoleMapping, roles, raw_mappings, invalid_mappings)
    attribute_mappings = _parse_mappings(AttributeMapping, attributes, raw_mappings, invalid_mappings)
    names = {mapping_key.namespace for _, mapping_key in raw_mappings} - {key.namespace}
    secrets, namespaces = await asyncio.gather(_secrets(client, config), _labels(client, config, names))
    return Gathered(
        key=key,
        raw_config=raw_config,
        raw_mappings=raw_mappings,
        config=config,
        invalid=invalid,
        role_mappings=role_mappings,
        attribute_mappings=attribute_mappings,
        invalid_mappings=invalid_mappings,
        secrets={secret: values for secret, (values, _) in secrets.items()},
        unwatched_secrets=frozenset(secret for secret, (_, watched) in secrets.items() if not watched),
        namespaces=namespaces,
    )


def _age(raw: JsonObject) -> tuple[str, str, str]:
    """The oldest first, as where mappings conflict. RFC 3339 in UTC sorts as text."""
    metadata = raw["metadata"]
    return metadata["creationTimestamp"], metadata["namespace"], metadata["name"]


def _by_config(raws: Sequence[JsonObject]) -> Mapping[ObjectKey, Sequence[JsonObject]]:
    found: dict[ObjectKey, list[JsonObject]] = {}
    for raw in raws:
        reference = raw["spec"]["configRef"]
        key = ObjectKey(reference.get("namespace") or raw["metadata"]["namespace"], reference["name"])
        found.setdefault(key, []).append(raw)
    return found


def _parse_config(raw: JsonObject | None) -> tuple[ProvisioningConfig | None, str | None]:
    if raw is None:
        return None, None
    if raw["metadata"].get("deletionTimestamp"):
        return None, None  # whatever it says, it is going
    try:
        return ProvisioningConfig.from_object(raw), None
    except InvalidObject as error:
        return None, str(error)


def _parse_mappings(
    model: type[_M],
    raws: Sequence[JsonObject],
    raw_mappings: dict[MappingKey, JsonObject],
    invalid: dict[MappingKey, str],
) -> tuple[_M, ...]:
    parsed: list[_M] = []
    for raw in raws:
        key = ObjectKey.of(raw)
        raw_mappings[model.kind, key] = raw
        try:
            parsed.append(model.from_object(raw))
        except InvalidObject as error:
            if not raw["metadata"].get("deletionTimestamp"):  # what is going takes part in nothing
                invalid[model.kind, key] = str(error)
    return tuple(parsed)


async def _secrets(
    client: ClusterClient, config: ProvisioningConfig | None
) -> Mapping[ObjectKey, tuple[Mapping[str, bytes], bool]]:
    """Those that exist: their values, and whether they have the label by which they are watched."""
    keys = sorted(secret_refs(config)) if config is not None else []
    found = await asyncio.gather(*(client.get_secret(key) for key in keys))
    secrets: dict[ObjectKey, tuple[Mapping[str, bytes], bool]] = {}
    for key, raw in zip(keys, found, strict=True):
        if raw is None:
            continue
        try:
            values = secret_data(raw)
        except InvalidSecret:  # the API server holds base64 only: nothing can be read from something else
            values = {}
        secrets[key] = (values, (raw["metadata"].get("labels") or {}).get(WATCH_LABEL) == "true")
    return secrets


async def _labels(
    client: ClusterClient, config: ProvisioningConfig | None, names: set[str]
) -> Mapping[str, Mapping[str, str]]:
    if config is None or config.spec.allowed_namespaces.from_ is not NamespacesFrom.SELECTOR:
        return {}
    ordered = sorted(names)
    found = await asyncio.gather(*(client.get_namespace_labels(name) for name in ordered))
    return {name: labels or {} for name, labels in zip(ordered, found, strict=True)}
