"""Which configs an event concerns. Remembers just enough of the cluster to answer that; decides nothing else.

What it remembers may be stale or missing: then a key is processed needlessly, or late (the resync finds it), but
never wrongly, because each reconcile reads the cluster itself.
"""

from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass, field
from typing import Any

from scim_operator.api import ObjectKey
from scim_operator.reconcile.known_statuses import KnownStatuses

RawObject = Mapping[str, Any]


@dataclass(slots=True)
class _Dependencies:
    """What the last reconcile of a config depended on."""

    secrets: Set[ObjectKey] = frozenset()
    namespaces: Set[str] = frozenset()


@dataclass(slots=True)
class Triggers:
    """Events in, keys of ProvisioningConfigs out by `enqueue`.

    An event's `type` is ADDED, MODIFIED or DELETED, or None for an object that a list brought: at start, and after
    a watch broke so that events were missed. Deletions among those are never announced; so for a listed object
    `relisted` is called, which is to make every `known` config be looked at, once for the whole list.

    `restore` is called for a config when another client changed a status that the operator wrote, with the uid of
    that object.
    """

    enqueue: Callable[[ObjectKey], None]
    relisted: Callable[[], None]
    restore: Callable[[ObjectKey, str], None]
    known_statuses: KnownStatuses
    _mapped: dict[str, ObjectKey] = field(default_factory=dict)
    _seen: dict[str, tuple[object, ...]] = field(default_factory=dict)
    _labels: dict[str, Mapping[str, str]] = field(default_factory=dict)
    _known: dict[ObjectKey, _Dependencies] = field(default_factory=dict)

    @property
    def known(self) -> tuple[ObjectKey, ...]:
        """Configs that exist, that mappings name, or that were delivered once."""
        return tuple(self._known)

    def __contains__(self, key: ObjectKey) -> bool:
        return key in self._known

    def remember(self, key: ObjectKey, secrets: Iterable[ObjectKey], namespaces: Iterable[str]) -> None:
        """After a reconcile: what its result depended on."""
        self._known[key] = _Dependencies(frozenset(secrets), frozenset(namespaces))

    def forget(self, key: ObjectKey) -> None:
        """After a reconcile found nothing of that name: no config, no mapping."""
        self._known.pop(key, None)

    def add(self, keys: Iterable[ObjectKey]) -> None:
        for key in keys:
            self._known.setdefault(key, _Dependencies())
            self.enqueue(key)

    def config_event(self, type_: str | None, raw: RawObject) -> None:
        metadata = raw["metadata"]
        key = ObjectKey.of(raw)
        if type_ is None:
            self.relisted()
        if self._matters(type_, metadata):
            self.add([key])
        elif self.known_statuses.was_changed(raw):
            self.restore(key, metadata["uid"])

    def mapping_event(self, type_: str | None, raw: RawObject) -> None:
        """A mapping that names another config than before concerns both."""
        metadata, uid = raw["metadata"], raw["metadata"]["uid"]
        if type_ is None:
            self.relisted()
        after = _config_key(raw)
        if not self._matters(type_, metadata):
            if after is not None and self.known_statuses.was_changed(raw):
                self.restore(after, uid)
            return
        before = self._mapped.pop(uid, None)
        if after is not None and type_ != "DELETED":
            self._mapped[uid] = after
        self.add(key for key in dict.fromkeys((before, after)) if key is not None)

    def secret_event(self, type_: str | None, raw: RawObject) -> None:
        secret = ObjectKey.of(raw)
        for key, dependencies in tuple(self._known.items()):
            if secret in dependencies.secrets:
                self.enqueue(key)

    def namespace_event(self, type_: str | None, raw: RawObject) -> None:
        """Labels of a namespace decide whether it may attach mappings; nothing else of it matters."""
        name = raw["metadata"]["name"]
        labels = {} if type_ == "DELETED" else dict(raw["metadata"].get("labels") or {})
        if self._labels.get(name) == labels:
            return
        if type_ == "DELETED":
            self._labels.pop(name, None)
        else:
            self._labels[name] = labels
        for key, dependencies in tuple(self._known.items()):
            if name in dependencies.namespaces:
                self.enqueue(key)

    def _matters(self, type_: str | None, metadata: RawObject) -> bool:
        """False for an event that only a write to the status caused, or to labels and the like."""
        uid = metadata["uid"]
        essence = (metadata.get("generation"), metadata.get("deletionTimestamp"))
        before = self._seen.get(uid)
        if type_ == "DELETED":
            self._seen.pop(uid, None)
            self.known_statuses.forget(uid)
            return True
        self._seen[uid] = essence
        return type_ != "MODIFIED" or essence != before


def _config_key(raw: RawObject) -> ObjectKey | None:
    """Read with care: an object that passed an older CRD must not stop the events of the others."""
    spec = raw.get("spec")
    reference = spec.get("configRef") if isinstance(spec, Mapping) else None
    if not isinstance(reference, Mapping) or not isinstance(reference.get("name"), str):
        return None
    return ObjectKey(str(reference.get("namespace") or raw["metadata"]["namespace"]), reference["name"])
