"""A folder of manifests instead of a cluster: the same objects, checked as the API server and the operator would.

    manifests = read_manifests(read_files([Path("examples/quickstart")]))
    manifests.errors, reference_findings(manifests)     # what is wrong, by file and line
    plan_world(manifests.world, token_key).bundle(token_key, revision=1)

`load(paths)` is the first two together. Pure, apart from `read_files` and the definitions, which lie in the package.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from scim_operator.manifests.definitions import crd_directory
from scim_operator.manifests.files import SourceFile, UnreadableFile, read_files
from scim_operator.manifests.findings import CLUSTER_SCOPED, Finding, Severity
from scim_operator.manifests.reading import DEFAULT_NAMESPACE, Manifests, read_manifests
from scim_operator.manifests.references import reference_findings
from scim_operator.manifests.world import World, WorldPlan, plan_world

__all__ = [
    "CLUSTER_SCOPED",
    "DEFAULT_NAMESPACE",
    "Finding",
    "Manifests",
    "Severity",
    "SourceFile",
    "UnreadableFile",
    "World",
    "WorldPlan",
    "crd_directory",
    "load",
    "plan_world",
    "read_files",
    "read_manifests",
    "reference_findings",
]


def load(paths: Sequence[Path], now: datetime | None = None, namespace: str = DEFAULT_NAMESPACE) -> Manifests:
    """Read and check everything. References are checked once all objects are valid by themselves.

    `namespace` is that of objects whose manifest gives none. Raises `UnreadableFile`.
    """
    manifests = read_manifests(read_files(paths), namespace)
    if manifests.errors:
        return manifests
    return replace(manifests, findings=(*manifests.findings, *reference_findings(manifests, now)))
