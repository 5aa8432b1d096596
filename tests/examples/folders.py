"""Where the examples are, and what is in them."""

from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
GROUP = "scim-operator.io/"
OUR_KINDS = "provisioningconfigs,rolemappings,attributemappings"


def objects_of(folder: Path) -> list[dict[str, Any]]:
    """Of the files that `kubectl apply -f FOLDER` reads."""
    return [document for file in sorted(folder.glob("*.yaml")) for document in yaml.safe_load_all(file.read_text())]


def _has_ours(folder: Path) -> bool:
    return any(str(document.get("apiVersion")).startswith(GROUP) for document in objects_of(folder))


FOLDERS = sorted(folder for folder in (ROOT / "examples").rglob("*") if folder.is_dir())
CONNECTIONS = [folder for folder in FOLDERS if _has_ours(folder)]
"""Those with resources of ours."""


def name_of(folder: Path) -> str:
    return folder.relative_to(ROOT / "examples").as_posix()


def provider_tokens(example: Path, namespace: str, name: str) -> dict[str, str]:
    """The bearer tokens of a ProvisioningConfig that see all users, by the names of the credentials."""
    keyed = {
        (document["kind"], document["metadata"].get("namespace"), document["metadata"]["name"]): document
        for document in objects_of(example)
    }
    config = keyed["ProvisioningConfig", namespace, name]
    return {
        token["name"]: keyed["Secret", namespace, token["secretRef"]["name"]]["stringData"][token["secretRef"]["key"]]
        for token in config["spec"]["authentication"].get("bearerTokens", [])
        if token.get("access") != "Self"
    }
