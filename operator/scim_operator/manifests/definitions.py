"""The CustomResourceDefinitions that come with this distribution."""

from functools import cache
from pathlib import Path
from typing import Any

from scim_operator.manifests.yaml_documents import parse_documents


def crd_directory() -> Path:
    """Where `*.yaml` of the definitions are: inside an installed package, or in the repository beside it."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "crds"
    return installed if installed.is_dir() else package.parents[1] / "crds"


@cache
def schemas() -> dict[str, dict[str, Any]]:
    """`openAPIV3Schema` by kind."""
    found: dict[str, dict[str, Any]] = {}
    for file in sorted(crd_directory().glob("*.yaml")):
        for document in parse_documents(file.read_text(encoding="utf-8")):
            spec = document.value["spec"]
            found[spec["names"]["kind"]] = spec["versions"][0]["schema"]["openAPIV3Schema"]
    return found
