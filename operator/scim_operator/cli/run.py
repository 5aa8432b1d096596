"""`scim-operator run`: the operator for a cluster, in a pod or with a kubeconfig."""

import asyncio
import os
import socket
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer
from prometheus_client import start_http_server

from scim_operator.api import ObjectKey
from scim_operator.cli.logs import configure_logs
from scim_operator.cluster.connection import ClusterLogin
from scim_operator.cluster.errors import ClusterError
from scim_operator.cluster.kubernetes_client import KubernetesClient
from scim_operator.delivery import (
    Authorities,
    AuthoritiesUnusable,
    Delivery,
    ManagementClient,
    ManagementToken,
    Replica,
    replicas_at,
)
from scim_operator.delivery.delivery import POLL_SECONDS
from scim_operator.kopf_app import watch_cluster
from scim_operator.reconcile import Controller, ControllerSettings, ShardNames
from scim_operator.reconcile.metrics import Metrics
from scim_operator.reconcile.publish import COUNTERS_SECONDS
from scim_operator.reconcile.shards import DEFAULT_CONFIG_MAP, DEFAULT_SECRET
from scim_server.logs import LogFormat

_SERVICE_ACCOUNT_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")

_REPLICAS = "Where the servers are"
_CLUSTER = "The cluster"
_CONFIGURATION = "The servers' configuration"
_PROCESS = "This process"


def run(
    management_token_file: Annotated[
        Path,
        typer.Option(
            envvar="SCIM_OPERATOR_MANAGEMENT_TOKEN_FILE",
            help="File with the token of the servers' management API, or several, one a line, of which the first is"
            " sent. It may be replaced at any time.",
            rich_help_panel=_REPLICAS,
            exists=True,
            dir_okay=False,
        ),
    ],
    server_service: Annotated[
        str,
        typer.Option(
            envvar="SCIM_OPERATOR_SERVER_SERVICE",
            metavar="NAMESPACE/NAME",
            help="Service of the servers; its EndpointSlices name the replicas. It has a port named management.",
            rich_help_panel=_REPLICAS,
        ),
    ] = "",
    replica: Annotated[
        list[str] | None,
        typer.Option(
            envvar="SCIM_OPERATOR_REPLICA",
            metavar="URL",
            help="Management URL of a server that runs elsewhere, such as https://10.0.0.7:8081. May be repeated.",
            rich_help_panel=_REPLICAS,
        ),
    ] = None,
    server_ca_file: Annotated[
        Path | None,
        typer.Option(
            envvar="SCIM_OPERATOR_SERVER_CA_FILE",
            help="Authorities whose certificates the operator accepts from servers: one or several, PEM. It may be "
            "replaced at any time. Needed with --server-service. Without it the system's, for --replica.",
            rich_help_panel=_REPLICAS,
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    server_tls_name: Annotated[
        str,
        typer.Option(
            envvar="SCIM_OPERATOR_SERVER_TLS_NAME",
            metavar="NAME",
            help="Name that the servers' certificates have to be for. Default: NAME.NAMESPACE.svc of "
            "--server-service, and of each --replica the host.",
            rich_help_panel=_REPLICAS,
        ),
    ] = "",
    insecure_management: Annotated[
        bool,
        typer.Option(
            "--insecure-management",
            envvar="SCIM_OPERATOR_INSECURE_MANAGEMENT",
            help="Speak plain HTTP to the servers of --server-service when there is no --server-ca-file, and to a "
            "--replica of http:// elsewhere than on this machine: whoever sees the traffic has the token.",
            rich_help_panel=_REPLICAS,
        ),
    ] = False,
    poll_seconds: Annotated[
        float,
        typer.Option(
            envvar="SCIM_OPERATOR_POLL_SECONDS",
            min=0.1,
            help="How often each server is asked what it runs.",
            rich_help_panel=_REPLICAS,
        ),
    ] = POLL_SECONDS,
    all_namespaces: Annotated[
        bool,
        typer.Option(
            "--all-namespaces",
            envvar="SCIM_OPERATOR_ALL_NAMESPACES",
            help="Serve all namespaces. The default when no --namespace is given.",
            rich_help_panel=_CLUSTER,
        ),
    ] = False,
    namespace: Annotated[
        list[str] | None,
        typer.Option(
            envvar="SCIM_OPERATOR_NAMESPACE",
            metavar="NAMESPACE",
            help="Serve this namespace only. May be repeated.",
            rich_help_panel=_CLUSTER,
        ),
    ] = None,
    kubeconfig: Annotated[
        Path | None,
        typer.Option(
            envvar="SCIM_OPERATOR_KUBECONFIG",
            help="Default: in a pod its ServiceAccount, else $KUBECONFIG, else ~/.kube/config.",
            rich_help_panel=_CLUSTER,
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    watch_secrets: Annotated[
        bool,
        typer.Option(
            envvar="SCIM_OPERATOR_WATCH_SECRETS",
            help="Watch Secrets labelled scim-operator.io/watch=true, so that a replaced token works at once. "
            "Without it the operator needs no right to list Secrets, and a change acts within ten minutes.",
            rich_help_panel=_CLUSTER,
        ),
    ] = True,
    config_namespace: Annotated[
        str,
        typer.Option(
            envvar="SCIM_OPERATOR_CONFIG_NAMESPACE",
            help="Namespace of the ConfigMaps and Secrets that the servers mount. Default: that of the pod, else "
            "that of --server-service.",
            rich_help_panel=_CONFIGURATION,
        ),
    ] = "",
    config_name: Annotated[
        str,
        typer.Option(
            envvar="SCIM_OPERATOR_CONFIG_NAME",
            help="What the names of the ConfigMaps begin with.",
            rich_help_panel=_CONFIGURATION,
        ),
    ] = DEFAULT_CONFIG_MAP,
    secret_name: Annotated[
        str,
        typer.Option(
            envvar="SCIM_OPERATOR_SECRET_NAME",
            help="What the names of the Secrets begin with.",
            rich_help_panel=_CONFIGURATION,
        ),
    ] = DEFAULT_SECRET,
    public_url: Annotated[
        str,
        typer.Option(
            envvar="SCIM_OPERATOR_PUBLIC_URL",
            metavar="URL",
            help="Public URL of the servers; status.endpoint is the whole SCIM base URL then.",
            rich_help_panel=_CONFIGURATION,
        ),
    ] = "",
    workers: Annotated[
        int,
        typer.Option(
            envvar="SCIM_OPERATOR_WORKERS",
            min=1,
            max=64,
            help="How many ProvisioningConfigs are worked on at a time.",
            rich_help_panel=_PROCESS,
        ),
    ] = 4,
    counters_seconds: Annotated[
        float,
        typer.Option(
            envvar="SCIM_OPERATOR_COUNTERS_SECONDS",
            min=0.1,
            help="How often the status of a ProvisioningConfig may be written for its counters alone.",
            rich_help_panel=_PROCESS,
        ),
    ] = COUNTERS_SECONDS,
    liveness_port: Annotated[
        int | None,
        typer.Option(
            envvar="SCIM_OPERATOR_LIVENESS_PORT", help="Answer GET /healthz here.", rich_help_panel=_PROCESS
        ),
    ] = None,
    metrics_port: Annotated[
        int | None,
        typer.Option(
            envvar="SCIM_OPERATOR_METRICS_PORT",
            help="Answer GET /metrics here, for Prometheus.",
            rich_help_panel=_PROCESS,
        ),
    ] = None,
    log_format: Annotated[
        LogFormat, typer.Option(envvar="SCIM_OPERATOR_LOG_FORMAT", rich_help_panel=_PROCESS)
    ] = LogFormat.JSON,
    verbose: Annotated[
        bool, typer.Option("--verbose", envvar="SCIM_OPERATOR_VERBOSE", rich_help_panel=_PROCESS)
    ] = False,
) -> None:
    """Run the operator against a cluster.

    It watches ProvisioningConfigs, RoleMappings and AttributeMappings, keeps the servers' configuration in
    ConfigMaps and Secrets, pushes it to every server and reports in the objects' status what became of it.

    Run one replica of it: two would write against each other. A restart costs nothing, the servers go on meanwhile.
    """
    configure_logs(log_format, verbose=verbose)
    if all_namespaces and namespace:
        raise typer.BadParameter("give either --all-namespaces or --namespace, not both")
    service = _service(server_service)
    fixed = _fixed(replica or (), server_tls_name or None, insecure=insecure_management)
    if service is None and not fixed:
        raise typer.BadParameter("give --server-service, or --replica for each server")
    if public_url and not _is_url(public_url):
        raise typer.BadParameter("https://HOST is expected, with port and path or without", param_hint="--public-url")
    if service is not None and server_ca_file is None and not insecure_management:
        raise typer.BadParameter(
            "is expected with --server-service; or --insecure-management, for servers that speak plain HTTP",
            param_hint="--server-ca-file",
        )
    names = ShardNames(_config_namespace(config_namespace, service), config_name, secret_name)
    settings = ControllerSettings(
        names=names,
        server_service=service,
        server_tls_name=_tls_name(server_tls_name, service) if server_ca_file is not None else None,
        public_url=public_url or None,
        workers=workers,
        watch_secrets=watch_secrets,
        counters_seconds=counters_seconds,
        # With the process, because two of them on one host would not be told apart.
        instance=f"{os.environ.get('HOSTNAME') or socket.gethostname()}_{os.getpid()}",
    )
    login = ClusterLogin(kubeconfig)
    try:
        asyncio.run(
            _run(
                login,
                settings,
                ManagementToken(management_token_file),
                _authorities(server_ca_file),
                fixed,
                poll_seconds=poll_seconds,
                namespaces=tuple(dict.fromkeys(namespace)) if namespace else None,
                watch_secrets=watch_secrets,
                liveness_port=liveness_port,
                metrics_port=metrics_port,
            )
        )
    except ClusterError as error:
        typer.echo(f"scim-operator: {error}", err=True)
        raise typer.Exit(2) from None


async def _run(
    login: ClusterLogin,
    settings: ControllerSettings,
    token: ManagementToken,
    authorities: Authorities | None,
    fixed: tuple[Replica, ...],
    *,
    poll_seconds: float,
    namespaces: tuple[str, ...] | None,
    watch_secrets: bool,
    liveness_port: int | None,
    metrics_port: int | None,
) -> None:
    metrics = Metrics()
    if metrics_port is not None:
        try:
            start_http_server(metrics_port, registry=metrics.registry)
        except OSError as error:
            raise typer.BadParameter(f"{metrics_port}: {error.strerror}", param_hint="--metrics-port") from None
    if authorities is not None:
        metrics.watch_authorities(authorities)
    async with KubernetesClient(login, namespaces) as client, ManagementClient(token, authorities) as management:
        await client.wait_for_kinds()
        controller = Controller(client, Delivery(management, fixed, poll_seconds=poll_seconds), settings, metrics)
        async with controller.running():
            await watch_cluster(
                controller,
                login,
                namespaces=namespaces,
                watch_secrets=watch_secrets,
                liveness_port=liveness_port,
            )
            if controller.failed.is_set():
                raise typer.Exit(1)


def _service(text: str) -> ObjectKey | None:
    if not text:
        return None
    try:
        return ObjectKey.parse(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--server-service") from None


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and not (parts.query or parts.fragment)


def _tls_name(given: str, service: ObjectKey | None) -> str | None:
    if given or service is None:
        return given or None
    return f"{service.name}.{service.namespace}.svc"


def _authorities(path: Path | None) -> Authorities | None:
    try:
        return None if path is None else Authorities(path)
    except AuthoritiesUnusable as error:
        raise typer.BadParameter(str(error), param_hint="--server-ca-file") from None


def _fixed(urls: Iterable[str], tls_name: str | None, *, insecure: bool) -> tuple[Replica, ...]:
    try:
        return replicas_at(urls, tls_name, insecure=insecure)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--replica") from None


def _config_namespace(given: str, service: ObjectKey | None) -> str:
    if given:
        return given
    if _SERVICE_ACCOUNT_NAMESPACE.exists():
        return _SERVICE_ACCOUNT_NAMESPACE.read_text(encoding="utf-8").strip()
    if service is not None:
        return service.namespace
    raise typer.BadParameter(
        "with --replica alone, give the namespace of the ConfigMaps and Secrets that the servers mount"
        " (a pod knows its own, and --server-service names one)",
        param_hint="--config-namespace",
    )
