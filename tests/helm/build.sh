#!/usr/bin/env bash
# Builds Helm into $OUT (default ./bin).
set -euo pipefail
cd "$(dirname "$0")"
out=${OUT:-$PWD/bin}; mkdir -p "$out"
export CGO_ENABLED=0 GOFLAGS=-mod=readonly
version=$(sed -n 's#.*helm.sh/helm/v4 \(v[0-9.]*\).*#\1#p' go.mod | head -1)
go build -trimpath -ldflags "-s -w -X helm.sh/helm/v4/internal/version.version=$version" -o "$out/helm" helm.sh/helm/v4/cmd/helm
