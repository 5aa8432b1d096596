"""kopf's part: watch the cluster and turn events into keys. The only file that imports kopf.

kopf is the trigger and nothing else: handlers of `on.event` never annotate or finalize an object, they hand the
event to `Triggers` and return None (a returned value would land in the object's status). Reading, deciding,
retrying and writing is `reconcile`'s.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import kopf

from scim_operator.api import ATTRIBUTE_MAPPING, GROUP, PLURALS, PROVISIONING_CONFIG, ROLE_MAPPING, VERSION
from scim_operator.api.constants import WATCH_LABEL
from scim_operator.cluster.connection import ClusterLogin
from scim_operator.reconcile import Controller
from scim_operator.reconcile.triggers import Triggers


class _Patience:
    """Pauses between attempts, for ever. kopf's own end after 54 s, and then the process does."""

    def __iter__(self) -> Iterator[float]:
        yield from (1, 1, 2, 3, 5, 8, 13, 21)
        while True:
            yield 30


async def watch_cluster(
    controller: Controller,
    login: ClusterLogin,
    *,
    namespaces: Sequence[str] | None,
    watch_secrets: bool,
    liveness_port: int | None,
) -> None:
    """Feed `controller`, which is running, until SIGTERM or SIGINT, or until it fails.

    `namespaces` None means all of them. The kinds must be served by now: kopf looks for them once.
    """
    registry = kopf.OperatorRegistry()
    _register_activities(registry, controller, login)
    _register_events(registry, controller.triggers, secrets=watch_secrets, namespaces=namespaces is None)
    await kopf.operator(
        registry=registry,
        settings=_settings(),
        standalone=True,
        clusterwide=namespaces is None,
        namespaces=namespaces or (),
        stop_flag=controller.failed,
        liveness_endpoint=None if liveness_port is None else f"http://0.0.0.0:{liveness_port}/healthz",
    )


def _settings() -> kopf.OperatorSettings:
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False
    settings.scanning.disabled = True
    settings.watching.chunk_size = 500
    settings.watching.label_selectors["", "v1", "secrets"] = f"{WATCH_LABEL}=true"
    settings.networking.request_timeout = 30
    settings.networking.connect_timeout = 5
    settings.networking.error_backoffs = _Patience()
    # Never set on any object; kopf would remove its default one from objects that another kopf operator guards.
    settings.persistence.finalizer = f"{GROUP}/never-used"
    return settings


def _register_events(registry: Any, triggers: Triggers, *, secrets: bool, namespaces: bool) -> None:
    """Always by group and version: by name alone kopf scans every API of the cluster."""

    @kopf.on.event(GROUP, VERSION, PLURALS[PROVISIONING_CONFIG], registry=registry)
    async def config_changed(event: Mapping[str, Any], **_: Any) -> None:
        triggers.config_event(event["type"], event["object"])

    @kopf.on.event(GROUP, VERSION, PLURALS[ROLE_MAPPING], registry=registry)
    @kopf.on.event(GROUP, VERSION, PLURALS[ATTRIBUTE_MAPPING], registry=registry)
    async def mapping_changed(event: Mapping[str, Any], **_: Any) -> None:
        triggers.mapping_event(event["type"], event["object"])

    if secrets:

        @kopf.on.event("", "v1", "secrets", registry=registry)
        async def secret_changed(event: Mapping[str, Any], **_: Any) -> None:
            triggers.secret_event(event["type"], event["object"])

    if namespaces:

        @kopf.on.event("", "v1", "namespaces", registry=registry)
        async def namespace_changed(event: Mapping[str, Any], **_: Any) -> None:
            triggers.namespace_event(event["type"], event["object"])


def _register_activities(registry: Any, controller: Controller, login: ClusterLogin) -> None:
    @kopf.on.probe(id="reconcile", registry=registry)
    async def alive(**_: Any) -> str:
        failure = controller.failure()
        if failure is not None:
            # Anything else than a PermanentError would be retried, and the probe's request would hang.
            raise kopf.PermanentError(failure)
        return "ok"

    @kopf.on.login(registry=registry)
    async def log_in(**_: Any) -> kopf.ConnectionInfo:
        credentials = await login.credentials()
        return kopf.ConnectionInfo(
            server=credentials.server,
            ca_path=credentials.ca_path,
            insecure=credentials.insecure,
            scheme=credentials.scheme,
            token=credentials.token,
            certificate_path=credentials.certificate_path,
            private_key_path=credentials.private_key_path,
        )
