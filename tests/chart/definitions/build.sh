#!/usr/bin/env bash
# Copies the CustomResourceDefinition named as argument into $OUT, from the Go module that comes with it.
set -euo pipefail
cd "$(dirname "$0")"
name=$1
case $name in
  monitoring.coreos.com_*) module=github.com/prometheus-operator/prometheus-operator folder=example/prometheus-operator-crd ;;
  gateway.networking.k8s.io_*) module=sigs.k8s.io/gateway-api folder=config/crd/standard ;;
  cert-manager.io_*) module=github.com/cert-manager/cert-manager folder=deploy/crds ;;
esac
go mod download "$module"
install -m 644 "$(go list -m -f '{{.Dir}}' "$module")/$folder/$name" "$OUT/$name"
