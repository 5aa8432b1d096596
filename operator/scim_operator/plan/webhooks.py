"""Webhooks: from the spec and its Secrets to what the server needs: targets, and apart from them signing keys."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field

from scim_operator.api import FieldPath, ObjectKey, ProvisioningConfig, WebhookTarget, reasons
from scim_operator.plan.secret_values import SecretValues
from scim_operator.plan.verdicts import Problem
from scim_server.config import Tenant, Webhook

_PREFIX = "whsec_"
_SHORTEST, _LONGEST = 24, 64
"""Bytes of a key, as Standard Webhooks has them."""
_MOST_KEYS = 8

_EXPECTED = f"{_PREFIX} and base64 of {_SHORTEST} to {_LONGEST} bytes"
_HOW = f'make one with: echo "{_PREFIX}$(openssl rand -base64 32)"'


@dataclass(frozen=True, slots=True)
class Webhooks:
    """All webhooks of one config. Events for one without keys wait in the server until it has some."""

    targets: tuple[Webhook, ...] = ()
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)
    """By name of the webhook, in base64."""

    problems: tuple[Problem, ...] = ()


def delivered_webhooks(tenant: Tenant, keys: Mapping[str, tuple[str, ...]]) -> Webhooks:
    """Those of a tenant as it is delivered. `keys` are under `Tenant.webhook_key`."""
    held = {one.name: keys[key] for one in tenant.webhooks if (key := tenant.webhook_key(one.name)) in keys}
    return Webhooks(tenant.webhooks, held)


def plan_webhooks(config: ProvisioningConfig, secrets: Mapping[ObjectKey, Mapping[str, bytes]]) -> Webhooks:
    keys: dict[str, tuple[str, ...]] = {}
    problems: list[Problem] = []
    for index, target in enumerate(config.spec.delivery.webhooks):
        values = SecretValues(config.metadata.namespace, secrets, f'webhook "{target.name}"')
        found = _signing_keys(values, ("spec", "delivery", "webhooks", index, "secretRef"), target)
        if isinstance(found, Problem):
            problems.append(found)
        else:
            keys[target.name] = found
    targets = sorted((_webhook(target) for target in config.spec.delivery.webhooks), key=lambda one: one.name)
    return Webhooks(tuple(targets), keys, tuple(problems))


def _webhook(target: WebhookTarget) -> Webhook:
    return Webhook(name=target.name, url=target.url, events=tuple(sorted(set(target.events))), format=target.format)


def _signing_keys(values: SecretValues, path: FieldPath, target: WebhookTarget) -> tuple[str, ...] | Problem:
    ref = target.secret_ref
    value = values.read(path, ref.name, ref.key)
    if isinstance(value, Problem):
        return value
    lines = [line.strip() for line in value.splitlines() if line.strip()]
    if not lines or len(lines) > _MOST_KEYS:
        what = f"1 to {_MOST_KEYS} signing keys are expected, one a line, not {len(lines)}; {_HOW}"
        return values.problem(path, ref.name, ref.key, reasons.SIGNING_KEY_UNUSABLE, what)
    keys = []
    for number, line in enumerate(lines, start=1):
        key = _decoded(line)
        which = f"line {number}: " if len(lines) > 1 else ""
        if key is None:
            what = f"{which}{_EXPECTED} is expected; {_HOW}"
            return values.problem(path, ref.name, ref.key, reasons.SIGNING_KEY_UNUSABLE, what)
        if not _SHORTEST <= len(key) <= _LONGEST:
            what = f"{which}the signing key has {len(key)} bytes; {_EXPECTED} is expected; {_HOW}"
            return values.problem(path, ref.name, ref.key, reasons.SIGNING_KEY_UNUSABLE, what)
        keys.append(base64.b64encode(key).decode())
    return tuple(dict.fromkeys(keys))


def _decoded(line: bytes) -> bytes | None:
    text = line.removeprefix(_PREFIX.encode())
    try:
        return base64.b64decode(text + b"=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None
