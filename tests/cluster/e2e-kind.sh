#!/bin/bash
# The end-to-end tests on a cluster of kind: what `make e2e-kind` runs. It needs Docker, and the node image of kind,
# which Docker fetches.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."
docker info >/dev/null 2>&1 || { echo "no cluster of kind: Docker doesn't run here" >&2; exit 1; }

.venv/bin/python -m pip --disable-pip-version-check install --quiet --require-hashes --no-deps -r requirements/kind.txt
PATH=$(.venv/bin/python -m tests.cluster.build kind):$PATH
tools/images dev
docker build --quiet --tag localhost/scim-test-postgres:dev --file tests/cluster/postgres/Dockerfile . >/dev/null
# pytest-kind would fetch a kind and a kubectl of 2022.
E2E_KIND=1 E2E_TAG=dev .venv/bin/python -m pytest -q -s -p no:cacheprovider tests/e2e \
  --cluster-name=scim-e2e --kind-bin="$(command -v kind)" --kind-kubectl-bin="$(command -v kubectl)" ${ARGS:-}
