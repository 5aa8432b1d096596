"""What a configuration says of one webhook."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from scim_server.config import Webhook
from scim_server.provisioning.events import EventType


@dataclass(frozen=True)
class Target:
    tenant: str
    webhook: Webhook
    keys: tuple[str, ...]
    """In base64. Without one nothing is sent."""
    revision: int
    """Of the configuration."""

    @cached_property
    def types(self) -> frozenset[EventType]:
        return types_of(self.webhook.events)

    @cached_property
    def digest(self) -> str:
        """Another one is another receiver: it may want the events that the one before didn't want. New keys alone
        don't change it."""
        parts = (self.webhook.url, self.webhook.format, *sorted(self.webhook.events))
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def types_of(patterns: Iterable[str]) -> frozenset[EventType]:
    """Of `user.created`, `user.*` and `*`. What names no type is for none."""
    return frozenset(type_ for pattern in patterns for type_ in EventType if _matches(type_, pattern))


def _matches(type_: EventType, pattern: str) -> bool:
    if pattern.endswith("*"):
        return type_.startswith(pattern[:-1])
    return type_ == pattern
