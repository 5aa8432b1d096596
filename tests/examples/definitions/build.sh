#!/usr/bin/env bash
# Copies the CustomResourceDefinition named as argument into $OUT, from the Go module that comes with it.
set -euo pipefail
cd "$(dirname "$0")"
name=$1
folder=config/crd/bases
case $name in
  application-crd.yaml) module=github.com/argoproj/argo-cd/v3 folder=manifests/crds ;;
  helm.toolkit.fluxcd.io_*) module=github.com/fluxcd/helm-controller ;;
  kustomize.toolkit.fluxcd.io_*) module=github.com/fluxcd/kustomize-controller ;;
  postgresql.cnpg.io_*) module=github.com/cloudnative-pg/cloudnative-pg ;;
  source.toolkit.fluxcd.io_*) module=github.com/fluxcd/source-controller ;;
esac
go mod download "$module"
install -m 644 "$(go list -m -f '{{.Dir}}' "$module")/$folder/$name" "$OUT/$name"
