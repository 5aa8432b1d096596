"""Builds etcd, kube-apiserver and kubectl once per user, from the Go modules pinned beside this file.

    python -m tests.control_plane.build

Don't run `go mod tidy` on go.mod (it pulls in what the tests of all its modules need), nor `go get -u` (the
modules of Kubernetes are one set): to move to another release, change its versions in go.mod together.
"""

import sys
from pathlib import Path

from tests.support.go_programs import GoPrograms

CONTROL_PLANE = GoPrograms(
    Path(__file__).parent, ("etcd", "kube-apiserver", "kubectl"), make_target="control-plane", minutes=10
)


if __name__ == "__main__":
    sys.exit(CONTROL_PLANE.main())
