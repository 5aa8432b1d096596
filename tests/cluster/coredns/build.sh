#!/usr/bin/env bash
# Builds CoreDNS into $OUT (default ./bin).
set -euo pipefail
cd "$(dirname "$0")"
out=${OUT:-$PWD/bin}; mkdir -p "$out"
CGO_ENABLED=0 GOFLAGS=-mod=readonly go build -trimpath -ldflags "-s -w" -o "$out/coredns" .
