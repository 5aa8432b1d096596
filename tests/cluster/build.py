"""Builds the programs of a cluster once per user, from pinned Go modules, and prints where, as PATH has it.

python -m tests.cluster.build        for a node of this machine (up.sh)
python -m tests.cluster.build kind   for a cluster of kind (e2e-kind.sh)
"""

import sys
from pathlib import Path

from tests.control_plane.build import CONTROL_PLANE
from tests.helm.build import HELM
from tests.support.go_programs import GoBuildError, GoPrograms

_HERE = Path(__file__).parent

# From the control plane's modules, but apart from it: `make test` doesn't need them.
NODE = GoPrograms(
    CONTROL_PLANE.source,
    ("kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy"),
    make_target="node",
    minutes=4,
)
COREDNS = GoPrograms(_HERE / "coredns", ("coredns",), make_target="coredns", minutes=2)
KIND = GoPrograms(_HERE / "kind", ("kind",), make_target="kind", minutes=1)


def main(*arguments: str) -> int:
    needed = (CONTROL_PLANE, HELM, KIND) if arguments == ("kind",) else (CONTROL_PLANE, HELM, NODE, COREDNS)
    try:
        print(":".join(str(programs.build()) for programs in needed))
    except GoBuildError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
