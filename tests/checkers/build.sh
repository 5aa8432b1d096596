#!/usr/bin/env bash
# Builds actionlint or glua into $OUT (default ./bin).
set -euo pipefail
cd "$(dirname "$0")"
out=${OUT:-$PWD/bin}; mkdir -p "$out"
export CGO_ENABLED=0 GOFLAGS=-mod=readonly
case $1 in
  actionlint) package=github.com/rhysd/actionlint/cmd/actionlint ;;
  consumer) cd ../../examples/consumers/go; package=. ;;
  glua) package=github.com/yuin/gopher-lua/cmd/glua ;;
esac
go build -trimpath -ldflags "-s -w" -o "$out/$1" "$package"
