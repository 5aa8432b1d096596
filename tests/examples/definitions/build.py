"""Fetches the definitions of other projects' kinds that are in the examples, once per user.

They come from Go modules, which are pinned and verified; nothing of them is compiled.

python -m tests.examples.definitions.build
"""

import sys
from pathlib import Path

from tests.support.go_programs import GoPrograms

DEFINITIONS = GoPrograms(
    Path(__file__).parent,
    (
        "application-crd.yaml",
        "helm.toolkit.fluxcd.io_helmreleases.yaml",
        "kustomize.toolkit.fluxcd.io_kustomizations.yaml",
        "postgresql.cnpg.io_clusters.yaml",
        "source.toolkit.fluxcd.io_gitrepositories.yaml",
        "source.toolkit.fluxcd.io_ocirepositories.yaml",
    ),
    make_target="checkers",
    minutes=1,
)


if __name__ == "__main__":
    sys.exit(DEFINITIONS.main())
