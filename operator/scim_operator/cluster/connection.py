"""Where the API server is and how to log in: in a pod by its ServiceAccount, elsewhere by a kubeconfig."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from kubernetes.aio import config as kubernetes_config
from kubernetes.aio.client import Configuration

from scim_operator.cluster.errors import ClusterUnauthorized


@dataclass(frozen=True, slots=True)
class Credentials:
    """What another HTTP client (kopf's) needs to log in as the same user."""

    server: str
    ca_path: str | None
    insecure: bool
    scheme: str | None
    token: str | None = field(repr=False)
    certificate_path: str | None
    private_key_path: str | None


@dataclass(frozen=True, slots=True)
class ClusterLogin:
    """How to log in. Without a `kubeconfig`: the pod's ServiceAccount, else $KUBECONFIG, else ~/.kube/config."""

    kubeconfig: Path | None = None

    async def configuration(self) -> Any:
        """The Kubernetes client's configuration, read anew. Raises `ClusterUnauthorized` when there is none."""
        configuration = Configuration()
        try:
            if self.kubeconfig is None and "KUBERNETES_SERVICE_HOST" in os.environ:
                kubernetes_config.load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
            else:
                path = str(self.kubeconfig) if self.kubeconfig is not None else _default_kubeconfig()
                await kubernetes_config.load_kube_config(  # type: ignore[no-untyped-call]
                    config_file=path, client_configuration=configuration
                )
        except yaml.YAMLError:
            raise ClusterUnauthorized(f"no way to log in to a cluster: {path} is no kubeconfig: not YAML") from None
        except (kubernetes_config.ConfigException, OSError) as error:
            raise ClusterUnauthorized(f"no way to log in to a cluster: {error}") from None
        return configuration

    async def credentials(self) -> Credentials:
        """The same login, for kopf."""
        configuration = await self.configuration()
        header = await configuration.get_api_key_with_prefix("BearerToken") or ""
        scheme, _, token = header.partition(" ")
        return Credentials(
            server=configuration.host,
            ca_path=configuration.ssl_ca_cert,
            insecure=not configuration.verify_ssl,
            scheme=scheme or None,
            token=token or None,
            certificate_path=configuration.cert_file,
            private_key_path=configuration.key_file,
        )


def _default_kubeconfig() -> str:
    """$KUBECONFIG, which may be several files, else ~/.kube/config. Raises `OSError` when there is none."""
    path = os.environ.get("KUBECONFIG") or str(Path("~/.kube/config").expanduser())
    if not any(Path(part).exists() for part in path.split(os.pathsep)):
        raise FileNotFoundError(f"this is no pod, and there is no kubeconfig at {path}")
    return path
