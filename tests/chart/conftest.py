"""Helm, alone and with the tests' control plane, where nothing makes pods of Deployments."""

import pytest

from tests.control_plane.cluster import ControlPlane
from tests.helm.build import HELM
from tests.helm.helm import Helm


@pytest.fixture(scope="session")
def helm(tmp_path_factory: pytest.TempPathFactory) -> Helm:
    """Renders without a cluster."""
    return Helm(HELM.built() / "helm", tmp_path_factory.mktemp("helm"))


@pytest.fixture(scope="session")
def cluster_helm(control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Helm:
    """An administrator's."""
    return Helm(HELM.built() / "helm", tmp_path_factory.mktemp("cluster-helm"), control_plane.kubeconfig)
