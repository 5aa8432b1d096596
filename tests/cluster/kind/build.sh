#!/usr/bin/env bash
# Builds kind into $OUT (default ./bin).
set -euo pipefail
cd "$(dirname "$0")"
out=${OUT:-$PWD/bin}; mkdir -p "$out"
CGO_ENABLED=0 GOFLAGS=-mod=readonly go build -trimpath -ldflags "-s -w" -o "$out/kind" sigs.k8s.io/kind
